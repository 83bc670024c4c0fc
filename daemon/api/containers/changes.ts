import { downloadRoute } from '../route.ts';

export const changes = downloadRoute({
  method: 'GET',
  path: '/v1/containers/:id/changes',
  tag: 'containers',
  summary: 'List what a container changed in its root',
  description:
    'An array of objects with `path` and `kind` ("modified", "added" or "deleted"), in the order of the tree. Directories are listed also where only something in them was changed. A container that works on a directory of the host itself (rootfsMode "rw" or "ro", or a bundle) has nothing to be compared with.',
  contentType: 'application/json; charset=utf-8',
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_busy',
    'container_removing',
    'unsupported',
    'kernel_refused',
    'shutting_down',
  ],
  open: (api, call) => api.engine.containerChanges(call.id, call.signal),
});
