/** Logs and attach. */
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import { ended, idle, letGo, says } from '../words.ts';
import type { Session } from '../session.ts';

const CHATTER = 'echo one; echo two >&2; echo three; echo four >&2; printf five';

/** Frames as [stream, payload]. */
function frames(body: Buffer): [number, string][] {
  const all: [number, string][] = [];
  for (let at = 0; at + 8 <= body.length;) {
    const length = body.readUInt32BE(at + 4);
    all.push([body[at] ?? 0, body.subarray(at + 8, at + 8 + length).toString()]);
    at += 8 + length;
  }
  return all;
}

/** What each stream said in frames, however they were cut. */
function byStream(body: Buffer): Record<string, string> {
  const said: Record<string, string> = {};
  for (const [stream, payload] of frames(body)) said[stream] = (said[stream] ?? '') + payload;
  return said;
}

const upgrade = (path: string, body = ''): string =>
  `POST /v1.41${path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** The head that answers an upgrade, and what the streams said. */
async function hijack(s: Session, what: string, request: string, stdin = ''): Promise<void> {
  const { status, headers, body } = await s.raw(request + stdin, undefined, stdin !== '');
  s.note(what, {
    status,
    connection: headers.connection,
    upgrade: headers.upgrade,
    type: headers['content-type'],
    said: byStream(body),
  });
}

export const streams = [
  scenario('logs: both streams, one of them', async (s) => {
    await ended(s, s.name, 'echo one; echo three', '--label', 'x');
    await s.docker('logs', s.name);
    await ended(s, s.sub('both'), CHATTER);
    const { stdout, stderr, code } = await s.engine.docker('logs', s.sub('both'));
    s.note('apart', { stdout, stderr, code });
    for (const query of ['stdout=1', 'stderr=1', 'stdout=1&stderr=1', 'stdout=true&tail=1', '']) {
      const answer = await s.raw(`GET /v1.41/containers/${s.sub('both')}/logs?${query} HTTP/1.0\r\n\r\n`);
      s.note(query, {
        status: answer.status.replace('HTTP/1.0', 'HTTP/1.1'),
        type: answer.headers['content-type'],
        said: query === '' ? answer.body.toString() : byStream(answer.body),
      });
    }
  }),
  scenario('logs: tail', async (s) => {
    await ended(s, s.name, 'for i in 1 2 3 4 5; do echo $i; done');
    for (const tail of ['0', '1', '3', '99', 'all', '-1', 'x']) await s.docker('logs', '--tail', tail, s.name);
  }),
  scenario('logs: times', async (s) => {
    await ended(s, s.name, 'echo one');
    await s.docker('logs', '-t', s.name);
    const line = await s.must('logs', '-t', s.name);
    s.note('nine digits, UTC', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one$/.test(line));
    const [time = ''] = line.split(' ');
    await s.docker('logs', '--since', time, s.name);
    await s.docker('logs', '--until', time, s.name);
    for (const bound of ['1h', '2001-01-01', '2100-01-01T00:00:00Z', '1.5', 'x']) {
      await s.docker('logs', '--since', bound, s.name);
      await s.docker('logs', '--until', bound, s.name);
    }
    await s.http('GET', `/containers/${s.name}/logs?stdout=1&since=x`);
  }),
  scenario('logs -f: until the end', async (s) => {
    await s.must(
      'run',
      '-d',
      '--name',
      s.name,
      '--network',
      'none',
      BASE,
      'sh',
      '-c',
      'echo a; while ! test -e /go; do sleep 0.02; done; echo b',
    );
    const following = s.docker('logs', '-f', s.name);
    await letGo(s, s.name);
    await following;
    await s.docker('logs', '-f', s.name);
    await s.docker('logs', '-f', '--tail', '1', s.name);
  }),
  scenario('logs: details', async (s) => {
    await ended(s, s.name, 'echo one', '--log-opt', 'labels=colour', '--label', 'colour=green');
    await s.docker('logs', '--details', s.name);
  }),
  scenario('logs: of a terminal', async (s) => {
    await ended(s, s.name, 'echo one; echo two >&2', '-t');
    await s.docker('logs', s.name);
    const answer = await s.raw(`GET /v1.41/containers/${s.name}/logs?stdout=1 HTTP/1.0\r\n\r\n`);
    s.note('raw', { type: answer.headers['content-type'], body: answer.body.toString() });
  }),
  scenario('logs: long lines and bytes that are no text', async (s) => {
    await ended(s, s.name, 'head -c 40000 /dev/zero | tr "\\0" x; echo; printf "\\377\\376\\n"');
    const answer = await s.raw(`GET /v1.41/containers/${s.name}/logs?stdout=1 HTTP/1.0\r\n\r\n`);
    const text = frames(answer.body)
      .map(([, payload]) => payload)
      .join('');
    s.note(
      'lengths',
      text.split('\n').map((line) => line.length),
    );
    s.note('the last', Buffer.from(text.split('\n')[1] ?? '').toString('hex'));
  }),
  scenario('attach: hijacked, before the start, to the end', async (s) => {
    await s.must(
      'create',
      '-i',
      '--name',
      s.name,
      '--network',
      'none',
      BASE,
      'sh',
      '-c',
      'read x; echo "got $x"; echo err >&2; exit 3',
    );
    const attached = hijack(
      s,
      'attach',
      upgrade(`/containers/${s.name}/attach?stream=1&stdin=1&stdout=1&stderr=1`),
      'word\n',
    );
    await s.must('start', s.name);
    await attached;
    await s.docker('wait', s.name);
  }),
  scenario('attach: without an upgrade', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', BASE, 'echo', 'out');
    const head = `POST /v1.41/containers/${s.name}/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n`;
    const attached = hijack(s, 'attach', head);
    await s.must('start', s.name);
    await attached;
  }),
  scenario('attach: what was said already', async (s) => {
    await s.must(
      'run',
      '-d',
      '--name',
      s.name,
      '--network',
      'none',
      BASE,
      'sh',
      '-c',
      'echo old; while ! test -e /go; do sleep 0.02; done; echo new',
    );
    await says(s, s.name, 'old');
    const attached = hijack(
      s,
      'logs and stream',
      upgrade(`/containers/${s.name}/attach?logs=1&stream=1&stdout=1&stderr=1`),
    );
    await hijack(s, 'logs alone', upgrade(`/containers/${s.name}/attach?logs=1&stdout=1&stderr=1`));
    await letGo(s, s.name);
    await attached;
  }),
  scenario('attach: one that is not there, or does not run', async (s) => {
    await ended(s, s.name, 'true');
    await s.docker('attach', s.name);
    await s.http('POST', `/containers/${s.name}/attach?stream=1&stdout=1&detachKeys=wrong-keys`);
    const answer = await s.raw(upgrade('/containers/absent/attach?stream=1&stdout=1'), (all) => all.includes('absent'));
    s.note('absent', { status: answer.status, body: answer.body.toString() });
  }),
  scenario('attach: a terminal is raw', async (s) => {
    await s.must('create', '-t', '--name', s.name, '--network', 'none', BASE, 'echo', 'out');
    const attached = s.raw(upgrade(`/containers/${s.name}/attach?stream=1&stdout=1&stderr=1`));
    await s.must('start', s.name);
    const { status, headers, body } = await attached;
    s.note('attach', { status, type: headers['content-type'], body: body.toString() });
  }),
  scenario('resize', async (s) => {
    await idle(s, s.name, '-t');
    await s.http('POST', `/containers/${s.name}/resize?h=33&w=111`);
    await s.docker('exec', s.name, 'sh', '-c', 'stty size </proc/1/fd/0');
    await s.http('POST', `/containers/${s.name}/resize?h=x&w=1`);
    await s.http('POST', `/containers/${s.name}/resize`);
    await ended(s, s.sub('end'), 'true', '-t');
    await s.http('POST', `/containers/${s.sub('end')}/resize?h=33&w=111`);
  }),
];
