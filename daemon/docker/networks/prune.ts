/** `POST /networks/prune` */
import { momentOf } from '../moments.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

export const pruneNetworks: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/networks/prune',
  async handle({ engine }, call) {
    const filters = call.query.filters(['until', 'label', 'label!']);
    const [until] = filters.get('until') ?? [];
    const label = [...(filters.get('label') ?? []), ...(filters.get('label!') ?? []).map((text) => `!${text}`)];
    const { removed } = await engine.pruneNetworks({
      ...(until === undefined ? {} : { until: momentOf(until, 'until') }),
      ...(label.length === 0 ? {} : { label }),
    });
    return { status: 200, json: { NetworksDeleted: removed.length === 0 ? null : removed } };
  },
});
