import { socketRoute } from '../route.ts';

export const attachExec = socketRoute({
  method: 'GET',
  path: '/v1/execs/:id/attach',
  tag: 'execs',
  summary: "Attach to a running exec's streams (WebSocket)",
  errors: ['exec_not_found', 'exec_not_running', 'kernel_refused', 'shim_unreachable'],
  connect: (api, { id }) => api.engine.attachExec(id),
});
