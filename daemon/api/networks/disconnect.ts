import { DisconnectRequest } from '../../../shared/api/network.ts';
import { answerRoute } from '../route.ts';

export const disconnect = answerRoute({
  method: 'POST',
  path: '/v1/networks/:id/disconnect',
  tag: 'networks',
  summary: 'Disconnect a container from a network',
  description: 'Its interface there is gone at once, and the addresses are free.',
  body: DisconnectRequest,
  bodyRequired: true,
  status: 204,
  errors: [
    'network_not_found',
    'container_not_found',
    'ambiguous_reference',
    'not_connected',
    'container_busy',
    'container_removing',
    'kernel_refused',
  ],
  answer: (api, call) => api.engine.disconnect(call.id, call.body),
});
