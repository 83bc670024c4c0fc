/** `POST /containers/prune` */
import { DockerError } from '../error.ts';
import { momentOf } from '../moments.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const pruneContainers: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/prune',
  async handle({ engine }, { query }) {
    const filters = query.filters(['until', 'label', 'label!']);
    const [until, more] = filters.get('until') ?? [];
    if (more !== undefined) throw new DockerError(400, 'more than one until filter specified');
    const labels = [...(filters.get('label') ?? []), ...(filters.get('label!') ?? []).map((label) => `!${label}`)];
    const { removed, reclaimed } = await engine.pruneContainers({
      ...(until === undefined ? {} : { until: momentOf(until, 'until') }),
      ...(labels.length === 0 ? {} : { label: labels }),
    });
    return {
      status: 200,
      json: { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimed },
    };
  },
});
