import { answerRoute } from '../route.ts';

export const removeNetwork = answerRoute({
  method: 'DELETE',
  path: '/v1/networks/:id',
  tag: 'networks',
  summary: 'Remove a network',
  description: 'With its bridge. One that containers have a place in is refused, whether they run or not.',
  status: 204,
  errors: ['network_not_found', 'ambiguous_reference', 'network_in_use', 'default_network', 'kernel_refused'],
  answer: (api, call) => api.engine.removeNetwork(call.id),
});
