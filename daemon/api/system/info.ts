import { Info } from '../../../shared/api/system.ts';
import { answerRoute } from '../route.ts';

export const info = answerRoute({
  method: 'GET',
  path: '/v1/info',
  tag: 'system',
  summary: 'What this daemon and this host can do',
  status: 200,
  schema: Info,
  errors: [],
  answer: (api) => api.engine.info(),
});
