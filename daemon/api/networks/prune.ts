import { NetworkPruneRequest, NetworkPruneResponse } from '../../../shared/api/network.ts';
import { answerRoute } from '../route.ts';

export const pruneNetworks = answerRoute({
  method: 'POST',
  path: '/v1/networks/prune',
  tag: 'networks',
  summary: 'Remove the networks that nobody uses',
  description: 'Those that no container has a place in, but the default one.',
  body: NetworkPruneRequest,
  bodyRequired: false,
  status: 200,
  schema: NetworkPruneResponse,
  errors: ['kernel_refused'],
  answer: (api, call) => api.engine.pruneNetworks(call.body),
});
