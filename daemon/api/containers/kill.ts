import { KillRequest } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const kill = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/kill',
  tag: 'containers',
  summary: 'Send a signal to a container',
  description: 'The signal is SIGKILL where the body names none. Answers when it is sent; `wait` tells of the end.',
  body: KillRequest,
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_busy',
    'container_removing',
    'kernel_refused',
    'shim_unreachable',
  ],
  answer: (api, call) => api.engine.kill(call.id, call.body.signal),
});
