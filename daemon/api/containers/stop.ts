import { StopRequest } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const stop = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/stop',
  tag: 'containers',
  summary: 'Stop a container',
  description:
    'Sends the stop signal, and SIGKILL when the container still runs after the timeout. Answers when it has ended. A container that does not run is stopped already.',
  body: StopRequest,
  status: 204,
  errors: ['container_not_found', 'ambiguous_reference', 'container_busy', 'container_removing', 'shim_unreachable'],
  answer: (api, call) => api.engine.stop(call.id, call.body),
});
