import { answerRoute } from '../route.ts';

export const ping = answerRoute({
  method: 'GET',
  path: '/v1/ping',
  tag: 'system',
  summary: 'Answer, if the daemon does',
  status: 200,
  contentType: 'text/plain; charset=utf-8',
  errors: [],
  answer: () => 'ok\n',
});
