import { RemoteImage, RemoteQuery } from '../../../shared/api/image.ts';
import { REGISTRY_ERRORS, registryAuthOf } from '../images/registry-auth.ts';
import { answerRoute } from '../route.ts';

export const remoteImage = answerRoute({
  method: 'GET',
  path: '/v1/registries/image',
  tag: 'images',
  summary: 'See what a registry has under a name',
  description: 'Its digest, and the platforms that it is there for; nothing of it is kept.',
  registryAuth: true,
  query: RemoteQuery,
  status: 200,
  schema: RemoteImage,
  errors: [...REGISTRY_ERRORS, 'image_not_found', 'manifest_invalid', 'image_too_large', 'shutting_down'],
  answer: (api, call) => api.engine.remoteImage(call.query, registryAuthOf(call.request), call.signal),
});
