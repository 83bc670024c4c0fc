import { Type } from '@sinclair/typebox';
import { ContainerSummary, ListQuery } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const list = answerRoute({
  method: 'GET',
  path: '/v1/containers',
  tag: 'containers',
  summary: 'List containers',
  description: 'Newest first. Those that run or wait for their next start, unless `all` or a `status` is given.',
  query: ListQuery,
  status: 200,
  schema: Type.Array(ContainerSummary),
  errors: [],
  answer: (api, call) => api.engine.list(call.query),
});
