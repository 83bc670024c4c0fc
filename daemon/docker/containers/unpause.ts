/** `POST /containers/{id}/unpause` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { inWords } from './words.ts';

const notPaused = (id: string): DockerError => new DockerError(500, `Container ${id} is not paused`);

export const unpauseContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/unpause',
  resource: 'container',
  async handle({ engine }, { id }) {
    const words = { container_not_paused: notPaused, container_not_running: notPaused };
    await inWords(engine, id, words, () => engine.resume(id));
    return { status: 204 };
  },
});
