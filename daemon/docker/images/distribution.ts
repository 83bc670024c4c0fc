/** `GET /distribution/{name}/json`: what a registry has under a name. */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { registryAuthOf } from './auth.ts';
import { REGISTRY_TEXTS } from './texts.ts';

export const distribution: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/distribution/:id+/json',
  texts: {
    ...REGISTRY_TEXTS,
    image_not_found: () => new DockerError(404, 'manifest unknown: manifest unknown'),
    registry_unauthorized: (error) => new DockerError(401, `unauthorized: ${error.message}`),
  },
  async handle({ engine }, call) {
    const found = await engine.remoteImage({ reference: call.id }, registryAuthOf(call), call.signal);
    const { mediaType, digest, size, platforms } = found;
    return {
      status: 200,
      json: {
        Descriptor: { mediaType, digest, size },
        Platforms: platforms.map((text) => {
          const [os, architecture, variant] = text.split('/');
          return { architecture, os, ...(variant === undefined ? {} : { variant }) };
        }),
      },
    };
  },
});
