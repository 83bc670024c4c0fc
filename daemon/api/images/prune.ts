import { ImagePruneRequest, ImagePruneResponse } from '../../../shared/api/image.ts';
import { answerRoute } from '../route.ts';

export const pruneImages = answerRoute({
  method: 'POST',
  path: '/v1/images/prune',
  tag: 'images',
  summary: 'Remove images that nobody uses',
  description:
    'Those without a name; with all, every one that no container has, and what failed pulls left to be resumed.',
  body: ImagePruneRequest,
  bodyRequired: false,
  status: 200,
  schema: ImagePruneResponse,
  errors: [],
  answer: (api, call) => api.engine.pruneImages(call.body),
});
