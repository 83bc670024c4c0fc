/** `POST /build/prune` */
import { DockerError } from '../error.ts';
import { momentOf } from '../moments.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const pruneBuild: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/build/prune',
  async handle({ engine }, { query }) {
    for (const name of ['keep-storage', 'reserved-space', 'max-used-space', 'min-free-space']) {
      if ((query.integer(name) ?? 0) !== 0) throw new DockerError(400, `${name}: nothing is kept by its size`);
    }
    const [until] = query.filters(['until']).get('until') ?? [];
    const { deleted, reclaimed } = await engine.pruneBuilds({
      all: query.flag('all'),
      ...(until === undefined ? {} : { until: momentOf(until, 'until') }),
    });
    return { status: 200, json: { CachesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed } };
  },
});
