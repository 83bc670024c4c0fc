/** `GET /images/{name}/history` */
import { type DockerRoute, dockerRoute } from '../route.ts';
import { unixSeconds } from '../time.ts';
import { IMAGE_TEXTS } from './texts.ts';

export const imageHistory: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/images/:id+/history',
  texts: IMAGE_TEXTS,
  async handle({ engine }, call) {
    const entries = await engine.imageHistory(call.id);
    const json = entries.map(({ id, createdAt, createdBy, names, size, comment }) => ({
      Comment: comment,
      Created: unixSeconds(createdAt ?? '0001-01-01T00:00:00Z'),
      CreatedBy: createdBy,
      Id: id ?? '<missing>',
      Size: size,
      Tags: names.length === 0 ? null : names,
    }));
    return { status: 200, json };
  },
});
