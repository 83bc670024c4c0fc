import { ConnectRequest } from '../../../shared/api/network.ts';
import { answerRoute } from '../route.ts';

export const connect = answerRoute({
  method: 'POST',
  path: '/v1/networks/:id/connect',
  tag: 'networks',
  summary: 'Connect a container to a network',
  description: 'One that runs has the interface at once, any other from its next start on.',
  body: ConnectRequest,
  bodyRequired: true,
  status: 204,
  errors: [
    'network_not_found',
    'container_not_found',
    'ambiguous_reference',
    'already_connected',
    'no_network_of_its_own',
    'address_taken',
    'pool_exhausted',
    'port_taken',
    'subnet_overlap',
    'container_busy',
    'container_removing',
    'kernel_refused',
    'disk_full',
  ],
  answer: (api, call) => api.engine.connect(call.id, call.body),
});
