import { LoginRequest, LoginResponse } from '../../../shared/api/image.ts';
import { REGISTRY_ERRORS, registryAuthOf } from '../images/registry-auth.ts';
import { answerRoute } from '../route.ts';

export const login = answerRoute({
  method: 'POST',
  path: '/v1/registries/login',
  tag: 'images',
  summary: 'See whether a registry takes credentials',
  description:
    'Nothing of them is kept here: who asks keeps them, or the identity token, and sends them where they are needed.',
  registryAuth: true,
  body: LoginRequest,
  bodyRequired: true,
  status: 200,
  schema: LoginResponse,
  errors: [...REGISTRY_ERRORS, 'shutting_down'],
  answer: (api, call) => api.engine.login(call.body, registryAuthOf(call.request), call.signal),
});
