/** `DELETE /containers/{id}` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { findContainer } from './find.ts';
import { inWords, type Words } from './words.ts';

const cannot = (what: string, advice: string) => (id: string) =>
  new DockerError(409, `You cannot remove a ${what} container ${id}. ${advice}`);

const WORDS: Words = {
  container_running: cannot('running', 'Stop the container before attempting removal or force remove'),
  container_restarting: cannot('restarting', 'Stop the container before attempting removal or force remove'),
  container_removing: (id) => new DockerError(409, `removal of container ${id} is already in progress`),
};

/** Of one that is paused the engine says that it runs. */
const OF_PAUSED: Words = {
  ...WORDS,
  container_running: cannot('paused', 'Unpause and then stop the container before attempting removal or force remove'),
};

export const removeContainer: DockerRoute = dockerRoute({
  method: 'DELETE',
  path: '/containers/:id',
  resource: 'container',
  async handle({ engine }, { id, query }) {
    if (query.flag('link')) {
      throw new DockerError(400, 'Conflict, cannot remove the default link name of the container');
    }
    const options = { force: query.flag('force'), volumes: query.flag('v') };
    const isPaused = !options.force && findContainer(engine, id).status === 'paused';
    await inWords(engine, id, isPaused ? OF_PAUSED : WORDS, () => engine.remove(id, options));
    return { status: 204 };
  },
});
