/** `GET /containers/{id}/export`: its whole root as a tar archive. */
import { type DockerRoute, dockerRoute } from '../route.ts';
import { inWords } from './words.ts';

export const exportContainer: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/export',
  resource: 'container',
  async handle({ engine }, { id, signal }) {
    const download = await inWords(engine, id, {}, () => engine.exportContainer(id, signal));
    return { status: 200, contentType: 'application/octet-stream', download };
  },
});
