import { ImageRemoveQuery, ImageRemoveResponse } from '../../../shared/api/image.ts';
import { answerRoute } from '../route.ts';

export const removeImage = answerRoute({
  method: 'DELETE',
  path: '/v1/images/:id',
  tag: 'images',
  summary: 'Remove an image, or a name of it',
  description:
    'By name: that name, and with the last one the image and what only it had need of. By id: the image; where it has several names, with force. What containers are made of, or have mounted, is not removed; with force its name is, where they do not run.',
  query: ImageRemoveQuery,
  status: 200,
  schema: ImageRemoveResponse,
  errors: ['image_not_found', 'ambiguous_reference', 'invalid_reference', 'image_in_use'],
  answer: (api, call) => api.engine.removeImage(call.id, call.query),
});
