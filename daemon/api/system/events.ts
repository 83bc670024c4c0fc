import { Event, EventQuery } from '../../../shared/api/event.ts';
import { streamRoute } from '../route.ts';

export const events = streamRoute({
  method: 'GET',
  path: '/v1/events',
  tag: 'system',
  summary: 'Follow what happens to containers and networks',
  description:
    'In order, and for one container create before start before die before destroy. Ends at `until`; without it never.',
  query: EventQuery,
  item: Event,
  errors: [],
  open: (api, call) => api.engine.events(call.query, call.signal),
  id: (event: Event) => String(event.sequence),
});
