import { VolumePruneRequest, VolumePruneResponse } from '../../../shared/api/volume.ts';
import { answerRoute } from '../route.ts';

export const pruneVolumes = answerRoute({
  method: 'POST',
  path: '/v1/volumes/prune',
  tag: 'volumes',
  summary: 'Remove volumes that no container has',
  description: 'Anonymous ones; with all, those with a name too.',
  body: VolumePruneRequest,
  bodyRequired: false,
  status: 200,
  schema: VolumePruneResponse,
  errors: [],
  answer: (api, call) => api.engine.pruneVolumes(call.body),
});
