import { PushRequest, PushResponse } from '../../../shared/api/image.ts';
import { progressRoute } from '../route.ts';
import { REGISTRY_ERRORS, registryAuthOf } from './registry-auth.ts';

export const pushImage = progressRoute({
  method: 'POST',
  path: '/v1/images/:id/push',
  tag: 'images',
  summary: 'Push an image to a registry',
  description:
    'The manifest goes out byte for byte as it came in. Blobs that the registry has are not sent, and those of its other repositories are taken over there.',
  registryAuth: true,
  body: PushRequest,
  result: PushResponse,
  errors: [
    ...REGISTRY_ERRORS,
    'image_not_found',
    'ambiguous_reference',
    'blob_not_found',
    'manifest_invalid',
    'image_too_large',
    'digest_mismatch',
    'size_mismatch',
    'store_damaged',
    'disk_full',
    'shutting_down',
  ],
  run: (api, call, report) =>
    api.engine.pushImage(call.id, call.body, registryAuthOf(call.request), report, call.signal),
});
