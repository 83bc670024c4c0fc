/** `DELETE /volumes/{name}` */
import { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const removeVolume: DockerRoute = dockerRoute({
  method: 'DELETE',
  path: '/volumes/:id',
  resource: 'volume',
  handle({ engine }, call) {
    try {
      engine.removeVolume(call.id, call.query.flag('force') ? { force: true } : {});
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'volume_in_use') throw error;
      const users = engine.inspectVolume(call.id).containers.join(', ');
      throw new DockerError(409, `remove ${call.id}: volume is in use - [${users}]`);
    }
    return { status: 204 };
  },
});
