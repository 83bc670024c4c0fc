import { Version } from '../../../shared/api/system.ts';
import { answerRoute } from '../route.ts';

export const version = answerRoute({
  method: 'GET',
  path: '/v1/version',
  tag: 'system',
  summary: 'Versions of the daemon and of what it stands on',
  status: 200,
  schema: Version,
  errors: [],
  answer: (api) => api.engine.version(),
});
