/** `DELETE /networks/{id}` */
import { EngineError } from '../../engine/errors.ts';
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
    const { id, name } = engine.inspectNetwork(call.id);
    try {
      await engine.removeNetwork(id);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'network_in_use') throw error;
      throw new DockerError(403, `error while removing network: network ${name} id ${id} has active endpoints`);
    }
    return { status: 204 };
  },
});
