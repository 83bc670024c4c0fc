import { SaveRequest } from '../../../shared/api/image.ts';
import { downloadRoute } from '../route.ts';

export const saveImages = downloadRoute({
  method: 'POST',
  path: '/v1/images/save',
  tag: 'images',
  summary: 'Save images to an archive',
  description:
    'A docker-archive (default) holds the layers uncompressed, an oci-archive manifests and layers as their registry has them. A name without a tag means every tag of its repository. Layers that images share are written once; the same images give the same bytes.',
  body: SaveRequest,
  bodyRequired: true,
  contentType: 'application/x-tar',
  errors: ['image_not_found', 'ambiguous_reference', 'invalid_reference', 'store_damaged', 'shutting_down'],
  open: (api, call) => api.engine.saveImages(call.body, call.signal),
});
