import { Volume, VolumeCreateRequest } from '../../../shared/api/volume.ts';
import { answerRoute } from '../route.ts';

export const createVolume = answerRoute({
  method: 'POST',
  path: '/v1/volumes',
  tag: 'volumes',
  summary: 'Create a volume',
  description:
    'One of the name that is there already is given as it is, unless other labels or another device are asked for. With device it is that directory of the host: containers get a bind of it, and it stays when the volume is removed.',
  body: VolumeCreateRequest,
  bodyRequired: false,
  status: 201,
  schema: Volume,
  errors: ['name_taken', 'disk_full'],
  answer: (api, call) => api.engine.createVolume(call.body),
});
