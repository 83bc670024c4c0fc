import { Type } from '@sinclair/typebox';
import { NetworkListQuery, NetworkSummary } from '../../../shared/api/network.ts';
import { answerRoute } from '../route.ts';

export const listNetworks = answerRoute({
  method: 'GET',
  path: '/v1/networks',
  tag: 'networks',
  summary: 'List networks',
  description: 'Oldest first. The default network, "bridge", is there from the first container on that needs it.',
  query: NetworkListQuery,
  status: 200,
  schema: Type.Array(NetworkSummary),
  errors: [],
  answer: (api, call) => api.engine.listNetworks(call.query),
});
