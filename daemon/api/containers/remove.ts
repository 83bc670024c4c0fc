import { RemoveQuery } from '../../../shared/api/container.ts';
import { answerRoute } from '../route.ts';

export const remove = answerRoute({
  method: 'DELETE',
  path: '/v1/containers/:id',
  tag: 'containers',
  summary: 'Remove a container',
  description:
    'With its log and all that it wrote to its upper layer, and with `volumes` its anonymous volumes. One that runs, or waits for its next start, is refused, and with `force` ended first.',
  query: RemoveQuery,
  status: 204,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_running',
    'container_restarting',
    'container_busy',
    'container_removing',
    'shim_unreachable',
  ],
  answer: (api, call) =>
    api.engine.remove(call.id, { force: call.query.force ?? false, volumes: call.query.volumes ?? false }),
});
