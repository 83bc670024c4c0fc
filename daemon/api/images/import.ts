import { ImportQuery, StoredImage } from '../../../shared/api/image.ts';
import { progressRoute } from '../route.ts';

export const importImage = progressRoute({
  method: 'POST',
  path: '/v1/images/import',
  tag: 'images',
  summary: 'Make an image of a root file system',
  description:
    'The body is a tar archive of it, plain or compressed with gzip or zstd, and becomes the one layer of the image. `change` takes lines of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR.',
  upload: true,
  query: ImportQuery,
  result: StoredImage,
  errors: [
    'invalid_reference',
    'no_such_platform',
    'layer_invalid',
    'image_too_large',
    'kernel_refused',
    'disk_full',
    'shutting_down',
  ],
  run: (api, call, report) => api.engine.importImage(call.upload, call.query, report, call.signal),
});
