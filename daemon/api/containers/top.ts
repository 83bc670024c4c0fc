import { Top } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const top = answerRoute({
  method: 'GET',
  path: '/v1/containers/:id/top',
  tag: 'containers',
  summary: "List a container's processes",
  description: 'One row a process, in the order of `titles`; process numbers are those of the host.',
  schema: Top,
  status: 200,
  errors: ['container_not_found', 'ambiguous_reference', 'container_not_running', 'container_busy', 'kernel_refused'],
  answer: (api, call) => api.engine.top(call.id),
});
