import { NetworkDetail } from '../../../shared/api/network.ts';
import { answerRoute } from '../route.ts';

export const inspectNetwork = answerRoute({
  method: 'GET',
  path: '/v1/networks/:id',
  tag: 'networks',
  summary: 'Show all there is to know about a network',
  status: 200,
  schema: NetworkDetail,
  errors: ['network_not_found', 'ambiguous_reference'],
  answer: (api, call) => api.engine.inspectNetwork(call.id),
});
