import { PullRequest, PullResponse } from '../../../shared/api/image.ts';
import { progressRoute } from '../route.ts';
import { REGISTRY_ERRORS, registryAuthOf } from './registry-auth.ts';

export const pullImage = progressRoute({
  method: 'POST',
  path: '/v1/images/pull',
  tag: 'images',
  summary: 'Pull an image from its registry',
  description:
    'Each blob is verified as it comes, and layers are unpacked as they are there. A pull that is broken off, by its client or with the daemon, leaves for a day what it has fetched, and the next one goes on from there.',
  registryAuth: true,
  body: PullRequest,
  bodyRequired: true,
  result: PullResponse,
  errors: [
    ...REGISTRY_ERRORS,
    'image_not_found',
    'blob_not_found',
    'no_such_platform',
    'manifest_invalid',
    'image_unsupported',
    'media_type_mismatch',
    'digest_mismatch',
    'size_mismatch',
    'image_too_large',
    'layer_invalid',
    'kernel_refused',
    'store_damaged',
    'disk_full',
    'shutting_down',
  ],
  run: (api, call, report) => api.engine.pullImage(call.body, registryAuthOf(call.request), report, call.signal),
});
