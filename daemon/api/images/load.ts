import { LoadQuery, LoadResponse } from '../../../shared/api/image.ts';
import { progressRoute } from '../route.ts';

export const loadImages = progressRoute({
  method: 'POST',
  path: '/v1/images/load',
  tag: 'images',
  summary: 'Load images from an archive',
  description:
    'The body is what `docker save`, `podman save`, skopeo or `tare save` wrote: a docker-archive or an oci-archive, plain or compressed with gzip or zstd. An image that is here keeps its manifest and gets the names of the archive. Images before one that fails are there, and of it nothing.',
  upload: true,
  query: LoadQuery,
  result: LoadResponse,
  errors: [
    'archive_invalid',
    'blob_not_found',
    'no_such_platform',
    'invalid_reference',
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
  run: (api, call, report) => api.engine.loadImages(call.upload, call.query, report, call.signal),
});
