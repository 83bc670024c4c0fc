/** `POST /images/{name}/tag` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { joinedName } from './names.ts';
import { IMAGE_TEXTS } from './texts.ts';

export const tagImage: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/images/:id+/tag',
  texts: IMAGE_TEXTS,
  async handle({ engine }, call) {
    const repository = call.query.text('repo') ?? '';
    if (repository === '') throw new DockerError(400, 'invalid reference format');
    const tag = call.query.text('tag') ?? '';
    if (tag !== '' && !/^[\w][\w.-]{0,127}$/.test(tag)) throw new DockerError(400, 'invalid tag format');
    await engine.tagImage(call.id, { name: joinedName(repository, tag) });
    return { status: 201 };
  },
});
