/** `GET /events` */
import type { EventQuery } from '../../../shared/api/event.ts';
import { DockerError } from '../error.ts';
import { momentOf } from '../moments.ts';
import { jsonText } from '../register.ts';
import { type Docker, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { EVENT_FILTERS, eventFilter } from './event-filter.ts';
import { dockerEvents, messageOf } from './event-shape.ts';

export const events: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/events',
  handle(docker, call) {
    const admits = eventFilter(call.query.filters(EVENT_FILTERS));
    return { status: 200, stream: read(docker, call, queryOf(call), admits) };
  },
});

function queryOf({ query }: DockerCall): EventQuery {
  const since = query.text('since') ?? '';
  const until = query.text('until') ?? '';
  const [from, to] = [since, until].map((text) => (text === '' ? undefined : text));
  if (from !== undefined && to !== undefined && Number(momentOf(from, 'since')) > Number(momentOf(to, 'until'))) {
    throw new DockerError(400, `\`since\` time (${from}) cannot be after \`until\` time (${to})`);
  }
  return {
    ...(since === '' ? {} : { since: momentOf(since, 'since') }),
    ...(until === '' ? {} : { until: momentOf(until, 'until') }),
  };
}

async function* read(
  { engine }: Docker,
  call: DockerCall,
  query: EventQuery,
  admits: ReturnType<typeof eventFilter>,
): AsyncGenerator<string, void, undefined> {
  for await (const event of engine.events(query, call.signal)) {
    for (const one of dockerEvents(event)) if (admits(one)) yield jsonText(messageOf(one, event.at));
  }
}
