/** `POST /volumes/prune` */
import { flagOf } from '../filters.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

/** Before it, named volumes were pruned too without being asked for. */
const ANONYMOUS_ONLY_SINCE = 42;

export const pruneVolumes: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/volumes/prune',
  async handle({ engine }, call) {
    const filters = call.query.filters(['label', 'label!', 'all']);
    const label = [...(filters.get('label') ?? []), ...(filters.get('label!') ?? []).map((text) => `!${text}`)];
    const { removed, reclaimed } = await engine.pruneVolumes({
      all: flagOf(filters, 'all') ?? call.version < ANONYMOUS_ONLY_SINCE,
      ...(label.length === 0 ? {} : { label }),
    });
    return { status: 200, json: { VolumesDeleted: removed, SpaceReclaimed: reclaimed } };
  },
});
