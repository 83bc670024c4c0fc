import { Type } from '@sinclair/typebox';
import { ImageListQuery, ImageSummary } from '../../../shared/api/image.ts';
import { answerRoute } from '../route.ts';

export const listImages = answerRoute({
  method: 'GET',
  path: '/v1/images',
  tag: 'images',
  summary: 'List images',
  description: 'The newest first. Whoever asks by name is shown the names asked for alone.',
  query: ImageListQuery,
  status: 200,
  schema: Type.Array(ImageSummary),
  errors: ['image_not_found', 'ambiguous_reference', 'invalid_reference'],
  answer: (api, call) => api.engine.listImages(call.query),
});
