/** `POST /containers/{id}/pause` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { inWords } from './words.ts';

export const pauseContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/pause',
  resource: 'container',
  async handle({ engine }, { id }) {
    const paused = (whole: string): DockerError => new DockerError(409, `Container ${whole} is already paused`);
    await inWords(engine, id, { container_paused: paused }, () => engine.pause(id));
    return { status: 204 };
  },
});
