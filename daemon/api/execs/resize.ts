import { ResizeRequest } from '../../../shared/api/exec.ts';
import { answerRoute } from '../route.ts';

export const resizeExec = answerRoute({
  method: 'POST',
  path: '/v1/execs/:id/resize',
  tag: 'execs',
  summary: "Set the size of an exec's terminal",
  body: ResizeRequest,
  bodyRequired: true,
  status: 204,
  errors: ['exec_not_found', 'exec_not_running', 'not_a_terminal', 'kernel_refused', 'shim_unreachable'],
  answer: (api, call) => api.engine.resizeExec(call.id, call.body),
});
