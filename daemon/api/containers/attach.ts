import { AttachQuery } from '../../../shared/api/attach.ts';
import { socketRoute } from '../route.ts';

export const attach = socketRoute({
  method: 'GET',
  path: '/v1/containers/:id/attach',
  tag: 'containers',
  summary: "Attach to a container's streams (WebSocket)",
  query: AttachQuery,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_not_running',
    'container_busy',
    'container_removing',
    'kernel_refused',
    'shim_unreachable',
  ],
  connect: (api, { id, query }) =>
    api.engine.attach(id, {
      stdin: query.stdin ?? true,
      stdout: query.stdout ?? true,
      stderr: query.stderr ?? true,
      logs: query.logs ?? false,
    }),
});
