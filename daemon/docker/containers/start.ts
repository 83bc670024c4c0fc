/** `POST /containers/{id}/start` */
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../../engine/errors.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { findContainer } from './find.ts';
import { startWords } from './start-words.ts';
import { inWords } from './words.ts';

/** Who waits for the removal of what could not be started is to hear of it before who started it: that one stops listening then. */
const WAITERS_AHEAD_MS = 20;

export const startContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/start',
  resource: 'container',
  async handle({ engine }, call) {
    const { id, name } = findContainer(engine, call.id);
    try {
      await inWords(engine, id, startWords(name), () => engine.start(id));
      return { status: 204 };
    } catch (error) {
      if (error instanceof EngineError && error.code === 'container_running') return { status: 304 };
      if (engine.identify(id) === undefined) await delay(WAITERS_AHEAD_MS);
      throw error;
    }
  },
});
