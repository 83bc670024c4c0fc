import { ContainerPruneRequest, ContainerPruneResponse } from '../../../shared/api/storage.ts';
import { answerRoute } from '../route.ts';

export const pruneContainers = answerRoute({
  method: 'POST',
  path: '/v1/containers/prune',
  tag: 'containers',
  summary: 'Remove the containers that do not run',
  description: 'Those that have ended, and those that were never started. Their volumes stay.',
  body: ContainerPruneRequest,
  bodyRequired: false,
  status: 200,
  schema: ContainerPruneResponse,
  errors: [],
  answer: (api, call) => api.engine.pruneContainers(call.body),
});
