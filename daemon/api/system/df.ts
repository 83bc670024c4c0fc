import { DiskUsage } from '../../../shared/api/storage.ts';
import { answerRoute } from '../route.ts';

export const diskUsage = answerRoute({
  method: 'GET',
  path: '/v1/system/df',
  tag: 'system',
  summary: 'Show what takes the disk',
  description:
    'Images by the bytes of their layers, each layer once; what containers wrote, with their logs; volumes; and the contents of images as registries have them.',
  status: 200,
  schema: DiskUsage,
  errors: [],
  answer: (api) => api.engine.diskUsage(),
});
