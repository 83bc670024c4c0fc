/** `GET /volumes/{name}` */
import { type DockerRoute, dockerRoute } from '../route.ts';
import { volumeShape } from './shape.ts';

export const inspectVolume: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/volumes/:id',
  handle: ({ engine }, call) => ({ status: 200, json: volumeShape(engine.inspectVolume(call.id)) }),
});
