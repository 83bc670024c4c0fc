import { Type } from '@sinclair/typebox';
import { answerRoute } from '../route.ts';

export const openapi = answerRoute({
  method: 'GET',
  path: '/v1/openapi.json',
  tag: 'system',
  summary: 'This API as OpenAPI 3.1',
  status: 200,
  schema: Type.Unknown(),
  errors: [],
  answer: (api) => api.openApi(),
});
