import { SystemPruneRequest, SystemPruneResponse } from '../../../shared/api/storage.ts';
import { answerRoute } from '../route.ts';

export const pruneSystem = answerRoute({
  method: 'POST',
  path: '/v1/system/prune',
  tag: 'system',
  summary: 'Remove what nobody uses',
  description:
    'Containers that do not run, networks that no container has a place in, images without a name. With all, images without a container; with volumes, anonymous volumes that no container has.',
  body: SystemPruneRequest,
  bodyRequired: false,
  status: 200,
  schema: SystemPruneResponse,
  errors: ['kernel_refused'],
  answer: (api, call) => api.engine.pruneSystem(call.body),
});
