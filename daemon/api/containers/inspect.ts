import { ContainerDetail } from '../../../shared/api/container.ts';
import { stringifyJson } from '../../../shared/json.ts';
import { answerRoute } from '../route.ts';

export const inspect = answerRoute({
  method: 'GET',
  path: '/v1/containers/:id',
  tag: 'containers',
  summary: 'Show all there is to know about a container',
  status: 200,
  schema: ContainerDetail,
  // The request and the spec may hold 64-bit integers.
  serialize: stringifyJson,
  errors: ['container_not_found', 'ambiguous_reference', 'container_busy'],
  answer: (api, call) => api.engine.inspect(call.id),
});
