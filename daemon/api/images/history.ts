import { Type } from '@sinclair/typebox';
import { ImageHistoryEntry } from '../../../shared/api/image.ts';
import { answerRoute } from '../route.ts';

export const imageHistory = answerRoute({
  method: 'GET',
  path: '/v1/images/:id/history',
  tag: 'images',
  summary: 'Show how an image was made',
  description: 'As its configuration tells it, the newest step first.',
  status: 200,
  schema: Type.Array(ImageHistoryEntry),
  errors: ['image_not_found', 'ambiguous_reference', 'invalid_reference', 'blob_not_found', 'store_damaged'],
  answer: (api, call) => api.engine.imageHistory(call.id),
});
