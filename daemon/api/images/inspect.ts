import { ImageDetail } from '../../../shared/api/image.ts';
import { stringifyJson } from '../../../shared/json.ts';
import { answerRoute } from '../route.ts';

export const inspectImage = answerRoute({
  method: 'GET',
  path: '/v1/images/:id',
  tag: 'images',
  summary: 'Show all there is to know about an image',
  status: 200,
  schema: ImageDetail,
  serialize: stringifyJson,
  errors: ['image_not_found', 'ambiguous_reference', 'invalid_reference', 'blob_not_found', 'store_damaged'],
  answer: (api, call) => api.engine.inspectImage(call.id),
});
