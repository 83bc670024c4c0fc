import { Type } from '@sinclair/typebox';
import { Volume, VolumeListQuery } from '../../../shared/api/volume.ts';
import { answerRoute } from '../route.ts';

export const listVolumes = answerRoute({
  method: 'GET',
  path: '/v1/volumes',
  tag: 'volumes',
  summary: 'List volumes',
  description: 'By name.',
  query: VolumeListQuery,
  status: 200,
  schema: Type.Array(Volume),
  errors: [],
  answer: (api, call) => api.engine.listVolumes(call.query),
});
