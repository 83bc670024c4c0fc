/** `DELETE /networks/{id}` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { pseudoOf } from './shape.ts';
import { NETWORK_TEXTS } from './texts.ts';

export const removeNetwork: DockerRoute = dockerRoute({
  method: 'DELETE',
  path: '/networks/:id',
  resource: 'network',
  texts: NETWORK_TEXTS,
  async handle({ engine }, call) {
    if (call.id === 'bridge' || pseudoOf(call.id) !== undefined) {
      throw new DockerError(403, `${call.id} is a pre-defined network and cannot be removed`);
    }
    await engine.removeNetwork(call.id);
    return { status: 204 };
  },
});
