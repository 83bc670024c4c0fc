/** `GET /images/search` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const searchImages: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/images/search',
  handle() {
    throw new DockerError(501, 'image search is not offered: registries have no search that all of them share');
  },
});
