/** `POST /containers/{id}/start` */
import { EngineError } from '../../engine/errors.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { START_WORDS } from './start-words.ts';
import { inWords } from './words.ts';

export const startContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/start',
  resource: 'container',
  async handle({ engine }, { id }) {
    try {
      await inWords(engine, id, START_WORDS, () => engine.start(id));
      return { status: 204 };
    } catch (error) {
      if (error instanceof EngineError && error.code === 'container_running') return { status: 304 };
      throw error;
    }
  },
});
