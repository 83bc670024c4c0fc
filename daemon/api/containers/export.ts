import { downloadRoute } from '../route.ts';

export const exportContainer = downloadRoute({
  method: 'GET',
  path: '/v1/containers/:id/export',
  tag: 'containers',
  summary: 'Export the root of a container',
  description: 'A tar archive of its whole root, without volumes and what else is mounted in it. It may run.',
  contentType: 'application/x-tar',
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_busy',
    'container_removing',
    'kernel_refused',
    'shutting_down',
  ],
  open: (api, call) => api.engine.exportContainer(call.id, call.signal),
});
