import { Volume } from '../../../shared/api/volume.ts';
import { answerRoute } from '../route.ts';

export const inspectVolume = answerRoute({
  method: 'GET',
  path: '/v1/volumes/:id',
  tag: 'volumes',
  summary: 'Show all there is to know about a volume',
  status: 200,
  schema: Volume,
  errors: ['volume_not_found'],
  answer: (api, call) => api.engine.inspectVolume(call.id),
});
