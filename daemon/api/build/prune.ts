import { BuildPruneRequest, BuildPruneResponse } from '../../../shared/api/build.ts';
import { answerRoute } from '../route.ts';

export const pruneBuilds = answerRoute({
  method: 'POST',
  path: '/v1/build/prune',
  tag: 'images',
  summary: 'Forget steps of builds',
  description:
    'Those that no image with a name, and no container, was built on; with all, every one: the next builds begin anew.',
  body: BuildPruneRequest,
  bodyRequired: false,
  status: 200,
  schema: BuildPruneResponse,
  errors: [],
  answer: (api, call) => api.engine.pruneBuilds(call.body),
});
