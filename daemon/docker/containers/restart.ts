/** `POST /containers/{id}/restart` */
import { type DockerRoute, dockerRoute } from '../route.ts';
import { findContainer } from './find.ts';
import { startWords } from './start-words.ts';
import { stopRequest } from './stop.ts';
import { inWords } from './words.ts';

export const restartContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/restart',
  resource: 'container',
  async handle({ engine }, call) {
    const request = stopRequest(call);
    const { id, name } = findContainer(engine, call.id);
    await inWords(engine, id, startWords(name), () => engine.restart(id, request));
    return { status: 204 };
  },
});
