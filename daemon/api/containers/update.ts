import { UpdateRequest } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const update = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/update',
  tag: 'containers',
  summary: "Change a container's limits, published ports or restart policy",
  description: 'Takes effect at once in a container that runs. What is not named stays as it is.',
  body: UpdateRequest,
  bodyRequired: true,
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_busy',
    'container_removing',
    'port_taken',
    'host_lacks_feature',
    'kernel_refused',
  ],
  answer: (api, call) => api.engine.update(call.id, call.body),
});
