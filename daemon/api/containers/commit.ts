import { CommitRequest, StoredImage } from '../../../shared/api/image.ts';
import { answerRoute } from '../route.ts';

export const commit = answerRoute({
  method: 'POST',
  path: '/v1/containers/:id/commit',
  tag: 'containers',
  summary: 'Make an image of a container',
  description:
    'What it changed becomes one more layer on those of its image; of a container that is of no image its whole root becomes the one layer. Volumes and what else is mounted are left out. It is paused meanwhile, unless `pause` is false. `changes` takes lines of a Dockerfile.',
  body: CommitRequest,
  status: 201,
  schema: StoredImage,
  errors: [
    'container_not_found',
    'ambiguous_reference',
    'container_busy',
    'container_removing',
    'container_not_running',
    'invalid_reference',
    'unsupported',
    'store_damaged',
    'kernel_refused',
    'disk_full',
    'shutting_down',
  ],
  answer: (api, call) => api.engine.commitContainer(call.id, call.body, call.signal),
});
