import { StopRequest } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const restart = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/restart',
  tag: 'containers',
  summary: 'Restart a container',
  description: 'Stops it as `stop` does, if it runs, and starts it.',
  body: StopRequest,
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_busy',
    'container_removing',
    'command_not_found',
    'command_not_executable',
    'launch_failed',
    'hook_failed',
    'port_taken',
    'pool_exhausted',
    'subnet_overlap',
    'container_not_running',
    'kernel_refused',
    'disk_full',
    'shim_unreachable',
    'shutting_down',
  ],
  answer: (api, call) => api.engine.restart(call.id, call.body),
});
