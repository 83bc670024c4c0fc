/** `DELETE /volumes/{name}` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const removeVolume: DockerRoute = dockerRoute({
  method: 'DELETE',
  path: '/volumes/:id',
  resource: 'volume',
  texts: {
    volume_in_use: (error, named) => new DockerError(409, `remove ${named}: volume is in use - ${error.message}`),
  },
  handle({ engine }, call) {
    engine.removeVolume(call.id, call.query.flag('force') ? { force: true } : {});
    return { status: 204 };
  },
});
