/** `POST /images/prune` */
import { flagOf } from '../filters.ts';
import { momentOf } from '../moments.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { removedItems } from './remove.ts';

export const pruneImages: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/images/prune',
  async handle({ engine }, call) {
    const filters = call.query.filters(['dangling', 'until', 'label', 'label!']);
    const [until] = filters.get('until') ?? [];
    const label = [...(filters.get('label') ?? []), ...(filters.get('label!') ?? []).map((text) => `!${text}`)];
    const { untagged, deleted, reclaimed } = await engine.pruneImages({
      all: flagOf(filters, 'dangling') === false,
      ...(until === undefined ? {} : { until: momentOf(until, 'until') }),
      ...(label.length === 0 ? {} : { label }),
    });
    const items = removedItems(untagged, deleted);
    return { status: 200, json: { ImagesDeleted: items.length === 0 ? null : items, SpaceReclaimed: reclaimed } };
  },
});
