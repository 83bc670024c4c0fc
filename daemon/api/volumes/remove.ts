import { VolumeRemoveQuery } from '../../../shared/api/volume.ts';
import { answerRoute } from '../route.ts';

export const removeVolume = answerRoute({
  method: 'DELETE',
  path: '/v1/volumes/:id',
  tag: 'volumes',
  summary: 'Remove a volume',
  description: 'With all that is in it. One that a container has is refused, whether the container runs or not.',
  query: VolumeRemoveQuery,
  status: 204,
  errors: ['volume_not_found', 'volume_in_use'],
  answer: (api, call) => api.engine.removeVolume(call.id, call.query),
});
