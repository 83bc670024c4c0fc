import { answerRoute } from '../route.ts';

export const start = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/start',
  tag: 'containers',
  summary: 'Start a container',
  description:
    'Answers when the command runs: execve has succeeded. A start that fails says which step of the launch failed.',
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_running',
    'container_paused',
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
    'host_lacks_feature',
    'disk_full',
    'shim_unreachable',
    'shutting_down',
  ],
  answer: (api, call) => api.engine.start(call.id),
});
