import { Stats, StatsQuery } from '../../../shared/api/stats.ts';
import { streamRoute } from '../route.ts';

export const stats = streamRoute({
  method: 'GET',
  path: '/v1/containers/:id/stats',
  tag: 'containers',
  summary: 'What a container uses',
  description:
    'CPU, memory, processes, block devices and network interfaces, once or, with `stream`, each second. Shares are for the client to work out, from two of them.',
  query: StatsQuery,
  item: Stats,
  errors: ['container_not_found', 'ambiguous_reference'],
  open: (api, call) => api.engine.stats(call.id, call.query, call.signal),
});
