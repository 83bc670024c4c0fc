import { ResizeRequest } from '../../../shared/api/exec.ts';
import { answerRoute } from '../route.ts';

export const resize = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/resize',
  tag: 'containers',
  summary: "Set the size of a container's terminal",
  body: ResizeRequest,
  bodyRequired: true,
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_restarting',
    'not_a_terminal',
    'kernel_refused',
    'shim_unreachable',
  ],
  answer: (api, call) => api.engine.resize(call.id, call.body),
});
