/** `GET /images/get`, `GET /images/{name}/get`: a docker-archive. */
import type { Docker, DockerAnswer, DockerCall, DockerRoute } from '../route.ts';
import { DockerError } from '../error.ts';
import { dockerRoute } from '../route.ts';
import { IMAGE_TEXTS } from './texts.ts';

export const saveImage: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/images/:id+/get',
  texts: IMAGE_TEXTS,
  handle: (docker, call) => save(docker, call, [call.id]),
});

export const saveImages: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/images/get',
  texts: IMAGE_TEXTS,
  handle(docker, call) {
    const images = call.query.all('names');
    if (images.length === 0) throw new DockerError(400, 'no names given');
    return save(docker, call, images);
  },
});

async function save({ engine }: Docker, call: DockerCall, images: readonly string[]): Promise<DockerAnswer> {
  const { stream } = await engine.saveImages({ images: [...images] }, call.signal);
  return { status: 200, contentType: 'application/x-tar', stream };
}
