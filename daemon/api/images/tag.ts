import { ImageTagRequest } from '../../../shared/api/image.ts';
import { answerRoute } from '../route.ts';

export const tagImage = answerRoute({
  method: 'POST',
  path: '/v1/images/:id/tag',
  tag: 'images',
  summary: 'Give an image another name',
  description: 'Beside those it has. An image that had the name before keeps its others; without any it is dangling.',
  body: ImageTagRequest,
  bodyRequired: true,
  status: 204,
  errors: ['image_not_found', 'ambiguous_reference', 'invalid_reference', 'disk_full'],
  answer: (api, call) => api.engine.tagImage(call.id, call.body),
});
