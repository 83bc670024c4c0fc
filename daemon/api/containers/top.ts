import { Top, TopQuery } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const top = answerRoute({
  method: 'GET',
  path: '/v1/containers/:id/top',
  tag: 'containers',
  summary: "List a container's processes",
  description: 'One row a process, in the order of `titles`; process numbers are those of the host.',
  query: TopQuery,
  schema: Top,
  status: 200,
  errors: [
    'invalid_field',
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_restarting',
    'container_busy',
    'kernel_refused',
  ],
  answer: (api, call) => api.engine.top(call.id, call.query.options),
});
