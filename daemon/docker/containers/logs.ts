/** `GET /containers/{id}/logs` */
import type { LogQuery } from '../../../shared/api/logs.ts';
import { DockerError } from '../error.ts';
import { momentOf } from '../moments.ts';
import type { DockerQuery } from '../query.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { contentTypeOf } from '../streams/frames.ts';
import { logBytes } from '../streams/tell-log.ts';

export const logs: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/logs',
  resource: 'container',
  texts: { unsupported: (error) => new DockerError(501, error.message) },
  async handle({ engine }, call) {
    const { query } = call;
    const wanted = logQueryOf(query);
    const { id, tty } = engine.inspect(call.id);
    const shape = { framed: !tty, timestamps: query.flag('timestamps'), details: query.flag('details') };
    return {
      status: 200,
      contentType: contentTypeOf(tty, call.version),
      stream: await logBytes(engine, id, wanted, shape, call.signal),
    };
  },
});

/** Throws DockerError 400. */
export function logQueryOf(query: DockerQuery): LogQuery {
  const [stdout, stderr] = [query.flag('stdout'), query.flag('stderr')];
  if (!stdout && !stderr) throw new DockerError(400, 'Bad parameters: you must choose at least one stream');
  const [since, until] = [boundOf(query, 'since'), boundOf(query, 'until')];
  return {
    ...{ stdout, stderr, follow: query.flag('follow') },
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    tail: tailOf(query.text('tail') ?? ''),
  };
}

/** Nothing, 0 and what is before 1970 are no bound. */
function boundOf(query: DockerQuery, name: string): string | undefined {
  const text = query.text(name) ?? '';
  if (text === '' || text.startsWith('-')) return undefined;
  try {
    const moment = momentOf(text, name);
    return /^0+\.0+$/.test(moment) ? undefined : moment;
  } catch (error) {
    const shown = JSON.stringify(text.slice(0, 64));
    throw new DockerError(400, `strconv.ParseInt: parsing ${shown}: invalid syntax`, { cause: error });
  }
}

/** What is no number, or a negative one, is all. */
function tailOf(text: string): string {
  return /^[0-9]+$/.test(text) ? String(Math.min(Number(text), 999_999_999)) : 'all';
}
