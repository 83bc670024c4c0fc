import { answerRoute } from '../route.ts';

export const docs = answerRoute({
  method: 'GET',
  path: '/v1/docs',
  tag: 'system',
  summary: 'This API as a page to read',
  status: 200,
  contentType: 'text/html; charset=utf-8',
  errors: [],
  answer: (api) => api.docsPage(),
});
