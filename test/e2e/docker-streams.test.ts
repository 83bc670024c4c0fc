/** The Docker Engine API's streams: attach, exec, logs, archives, over raw HTTP and by Debian's docker CLI. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { TestDaemon, run, type Finished } from '../harness/daemon.ts';
import { DockerStream, requestText } from '../harness/docker-stream.ts';
import { haveImage } from '../harness/images.ts';
import { file, symlink, tar } from '../harness/tar.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';

const IMAGE = 'busybox:latest';
const READER = 'while read x; do echo "got $x"; echo err >&2; done; echo eof';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  await haveImage(daemon, IMAGE);
});
after(() => daemon.close());

async function ask<T = { message: string }>(method: string, path: string, body?: unknown) {
  return daemon.client.send<T>(method, `/v1.51${path}`, body);
}

async function created(name: string, script: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { Image: IMAGE, Cmd: ['sh', '-c', script], HostConfig: { NetworkMode: 'none' }, ...more };
  return (await daemon.client.must<{ Id: string }>('POST', `/v1.51/containers/create?name=${name}`, body)).Id;
}

async function started(name: string, script: string, more: Record<string, unknown> = {}): Promise<string> {
  const id = await created(name, script, more);
  await daemon.client.must('POST', `/v1.51/containers/${name}/start`);
  return id;
}

async function remove(...names: string[]): Promise<void> {
  for (const name of names) await ask('DELETE', `/containers/${name}?force=1`);
}

const attach = (name: string, query: string) =>
  DockerStream.ask(daemon.socket, requestText({ path: `/containers/${name}/attach?${query}`, upgrade: true }));

async function exec(name: string, command: readonly string[], more: Record<string, unknown> = {}): Promise<string> {
  const body = { Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true, ...more };
  return (await daemon.client.must<{ Id: string }>('POST', `/v1.51/containers/${name}/exec`, body)).Id;
}

function startExec(id: string, body: Record<string, unknown> = {}) {
  const text = JSON.stringify({ Detach: false, Tty: false, ...body });
  return DockerStream.ask(daemon.socket, requestText({ path: `/exec/${id}/start`, body: text, upgrade: true }));
}

const env = (): Record<string, string> => ({ DOCKER_HOST: `unix://${daemon.socket}` });

function docker(args: readonly string[], input?: string | Buffer): Promise<Finished> {
  return run('/usr/bin/docker', args, { env: env(), ...(input === undefined ? {} : { input }) });
}

async function actions(name: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ container: [name] }));
  const path = `/v1.51/events?since=1&until=${(Date.now() / 1000).toFixed(3)}&filters=${filters}`;
  const body = await text(await daemon.client.open('GET', path));
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { Action: string }).Action);
}

test('attach: streams in frames, the end of the input, the end of the session', async () => {
  await started('once', READER, { OpenStdin: true, StdinOnce: true });
  const stream = await attach('once', 'stream=1&stdin=1&stdout=1&stderr=1');
  assert.equal(stream.head.status, 101);
  assert.equal(stream.head.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  stream.write('a\n');
  await stream.shows(/got a/);
  stream.half();
  await stream.end();
  assert.deepEqual(stream.said, { stdout: 'got a\neof\n', stderr: 'err\n' });
  const logged = await attach('once', 'logs=1&stdout=1');
  await logged.end();
  assert.deepEqual(logged.said, { stdout: 'got a\neof\n', stderr: '' });
  await remove('once');
});

test('attach: of one that others may attach to, a client’s last input ends its own session alone', async () => {
  await started('many', READER, { OpenStdin: true });
  const first = await attach('many', 'stream=1&stdin=1&stdout=1');
  first.write('a\n');
  await first.shows(/got a/);
  first.half();
  await first.end();
  const watcher = await attach('many', 'stream=1&stdout=1');
  watcher.half();
  const second = await attach('many', 'stream=1&stdin=1&stdout=1');
  second.write('b\n');
  // one without input may have ended its own side, and still hears all
  await watcher.shows(/got b/);
  for (const stream of [watcher, second]) stream.destroy();
  await remove('many');
});

test('attach: what is refused, and what is attached to without an upgrade', async () => {
  await started('refused', 'sleep 1000');
  const status = async (path: string): Promise<[number, string]> => {
    const stream = await DockerStream.ask(daemon.socket, requestText({ path, upgrade: true }));
    await stream.end();
    return [stream.head.status, stream.body.toString()];
  };
  assert.deepEqual(await status('/containers/nobody/attach?stream=1'), [404, 'No such container: nobody\r\n']);
  assert.deepEqual(await status('/containers/refused/attach?stream=1&detachKeys=no'), [
    400,
    'Invalid detach keys (no) provided\r\n',
  ]);
  await daemon.client.must('POST', '/v1.51/containers/refused/pause');
  assert.deepEqual(await status('/containers/refused/attach?stream=1'), [
    409,
    'container refused is paused, unpause the container before attach\r\n',
  ]);
  await remove('refused');
  await created('plain', 'echo out');
  const stream = await DockerStream.ask(
    daemon.socket,
    requestText({ path: '/containers/plain/attach?stream=1&stdout=1' }),
  );
  assert.equal(stream.head.status, 200);
  await daemon.client.must('POST', '/v1.51/containers/plain/start');
  await stream.end();
  assert.equal(stream.said.stdout, 'out\n');
  await remove('plain');
});

test('a terminal: raw, its size, the keys that let go, and what they tell', async () => {
  await started('terminal', 'stty size; cat', { OpenStdin: true, Tty: true });
  const stream = await attach('terminal', 'logs=1&stream=1&stdin=1&stdout=1&detachKeys=x,y');
  assert.equal(stream.head.headers['content-type'], 'application/vnd.docker.raw-stream');
  stream.write('ax');
  // a key that may begin the sequence is not swallowed
  await stream.shows(/ax/);
  stream.write('y');
  await stream.end();
  await until('it is told', async () => (await actions('terminal')).includes('detach'));
  assert.equal((await ask('POST', '/containers/terminal/resize?h=31&w=77')).status, 200);
  await until('it is told', async () => (await actions('terminal')).includes('resize'));
  const id = await exec('terminal', ['sh', '-c', 'stty size; cat'], { Tty: true });
  const second = await startExec(id, { Tty: true, ConsoleSize: [20, 60] });
  await second.shows(/20 60/);
  assert.equal((await ask('POST', `/exec/${id}/resize?h=21&w=61`)).status, 200);
  second.write('\x10\x11');
  await second.end();
  await until('it is told', async () => (await actions('terminal')).includes('exec_detach'));
  const { body } = await ask<{ Running: boolean }>('GET', `/exec/${id}/json`);
  assert.equal(body.Running, true);
  await remove('terminal');
});

test('a websocket: bytes, both ways', async () => {
  await started('socket', READER, { OpenStdin: true, StdinOnce: true });
  const socket = new WebSocket(
    `ws+unix://${daemon.socket}:/v1.51/containers/socket/attach/ws?stream=1&stdin=1&stdout=1`,
  );
  let heard = '';
  socket.on('message', (bytes: Buffer) => (heard += bytes.toString()));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send('a\n');
  await until('it is answered', () => heard === 'got a\n');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await ask('POST', '/containers/socket/kill');
  await closed;
  const refused = await ask('GET', '/containers/socket/attach/ws?stream=1');
  assert.deepEqual([refused.status, refused.body.message], [400, 'not websocket protocol']);
  await remove('socket');
});

test('exec: streams, exit codes, what cannot be started', async () => {
  const container = await started('execs', 'sleep 1000');
  const id = await exec('execs', ['sh', '-c', 'cat; echo err >&2; exit 7']);
  const stream = await startExec(id);
  stream.write('through');
  stream.half();
  await stream.end();
  assert.deepEqual(stream.said, { stdout: 'through', stderr: 'err\n' });
  const inspected = (await ask<{ ExitCode: number; ContainerID: string }>('GET', `/exec/${id}/json`)).body;
  assert.deepEqual([inspected.ExitCode, inspected.ContainerID], [7, container]);
  for (const [program, code, words] of [
    ['absent', 127, /exec: "absent": executable file not found in \$PATH/],
    ['/absent', 127, /stat \/absent: no such file or directory/],
    ['/etc', 126, /exec: "\/etc": permission denied/],
  ] as const) {
    const failing = await exec('execs', [program]);
    const told = await startExec(failing);
    await told.end();
    assert.match(told.said.stdout, words);
    assert.equal((await ask<{ ExitCode: number }>('GET', `/exec/${failing}/json`)).body.ExitCode, code);
    const detached = await exec('execs', [program]);
    const { status, body } = await ask('POST', `/exec/${detached}/start`, { Detach: true });
    assert.equal(status, 400);
    assert.match(body.message, words);
  }
  assert.match((await ask('POST', `/exec/${id}/start`, { Detach: true })).body.message, /has already run$/);
  await remove('execs');
});

test('logs: both streams or one, tail, times, until the end; bytes as they are', async () => {
  await started(
    'said',
    'echo one; echo two >&2; printf "\\303\\274\\n"; while ! test -e /go; do sleep 0.05; done; echo last',
  );
  const logs = (query: string) =>
    DockerStream.ask(daemon.socket, requestText({ method: 'GET', path: `/containers/said/logs?${query}` }));
  const logText = async (query: string): Promise<string> => {
    const { status, body } = await ask<string>('GET', `/containers/said/logs?${query}`);
    assert.equal(status, 200);
    return body;
  };
  await until('it has spoken', async () => (await logText('stdout=1')).includes('one'));
  const following = await logs('stdout=1&stderr=1&follow=1');
  assert.equal(following.head.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  await following.shows(/\u0001\0\0\0\0\0\0\u0003\xc3\xbc\n/);
  await docker(['exec', 'said', 'touch', '/go']);
  await following.shows(/last\n/);
  await following.shows(/0\r\n\r\n$/);
  following.destroy();
  assert.match(await logText('stdout=1&tail=1'), /^.{8}last\n$/s);
  assert.match(await logText('stderr=1&timestamps=1'), /^.{8}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z two\n$/s);
  assert.equal(await logText('stdout=1&stderr=1&until=1.5'), '');
  assert.equal(
    (await ask('GET', '/containers/said/logs')).body.message,
    'Bad parameters: you must choose at least one stream',
  );
  const cli = await docker(['logs', '--since', '1h', '--tail', '1', 'said']);
  assert.deepEqual([cli.code, cli.stdout, cli.stderr], [0, 'last\n', '']);
  await remove('said');
});

test('archives: what is there, out and in, by HTTP and with docker cp', async () => {
  await created('files', 'true');
  const archive = tar(file('made', 'x', { mode: 0o4755 }), symlink('link', '../etc/passwd'));
  const path = '/v1.51/containers/files/archive?path=/tmp';
  const put = await daemon.client.send('PUT', path, archive, { 'content-type': 'application/x-tar' });
  assert.equal(put.status, 200);
  const xz = Buffer.from('fd377a585a000004', 'hex');
  const unknown = await daemon.client.send<{ message: string }>('PUT', path, xz, {
    'content-type': 'application/x-tar',
  });
  assert.match(unknown.body.message, /compressed with xz, which is not unpacked here$/);
  const stat = async (where: string): Promise<Record<string, unknown>> => {
    const { headers } = await daemon.client.send('HEAD', `/v1.51/containers/files/archive?path=${where}`);
    const text = Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString();
    return JSON.parse(text) as Record<string, unknown>;
  };
  const made = await stat('/tmp/made');
  assert.deepEqual([made.name, made.size, made.mode], ['made', 1, (1 << 23) + 0o755]);
  assert.equal((await stat('/tmp/link')).linkTarget, '/etc/passwd');
  assert.equal((await stat('/tmp')).mode, 2 ** 31 + 2 ** 20 + 0o777);
  const absent = await daemon.client.send<{ message: string }>('GET', '/v1.51/containers/files/archive?path=/absent');
  assert.deepEqual([absent.status, absent.body.message], [404, 'Could not find the file /absent in container files']);
  const folder = join(daemon.folder, 'cp');
  mkdirSync(join(folder, 'tree'), { recursive: true });
  writeFileSync(join(folder, 'tree/file'), 'content');
  assert.equal((await docker(['cp', join(folder, 'tree'), 'files:/tmp'])).code, 0);
  assert.equal((await docker(['cp', 'files:/tmp/tree/file', join(folder, 'back')])).code, 0);
  assert.equal(readFileSync(join(folder, 'back'), 'utf8'), 'content');
  const { body: changes } = await ask<{ Path: string; Kind: number }[]>('GET', '/containers/files/changes');
  assert.deepEqual(
    changes.filter(({ Path }) => Path.startsWith('/tmp')).map(({ Path, Kind }) => [Path, Kind]),
    [
      ['/tmp', 0],
      ['/tmp/link', 1],
      ['/tmp/made', 1],
      ['/tmp/tree', 1],
      ['/tmp/tree/file', 1],
    ],
  );
  await until('it is told', async () => (await actions('files')).includes('extract-to-dir'));
  const exported = await docker(['export', 'files']);
  assert.ok(exported.stdout.includes('tmp/tree/file'));
  await remove('files');
});

test('commit: the config of the body, lines of a Dockerfile, and what is wrong with them', async () => {
  await created('source', 'true', { Env: ['A=b'], Labels: { of: 'container' } });
  const { status, body } = await daemon.client.send<{ Id: string }>(
    'POST',
    `/v1.51/commit?container=source&repo=made&tag=1&changes=${encodeURIComponent('ENV C=d\nCMD ["ls"]')}`,
    { Env: ['Q="$x\' y'], Labels: { own: 'a"b' }, ExposedPorts: { '80/tcp': {} }, Entrypoint: ['e'] },
  );
  assert.equal(status, 201);
  const image = await ask<{ Id: string; Config: Record<string, unknown> }>('GET', '/images/made:1/json');
  assert.equal(image.body.Id, body.Id);
  const { Env: variables, Labels, Entrypoint, Cmd, ExposedPorts } = image.body.Config;
  assert.deepEqual(
    (variables as string[]).filter((variable) => !variable.startsWith('PATH=')),
    ['A=b', 'Q="$x\' y', 'C=d'],
  );
  assert.deepEqual([Labels, Entrypoint, Cmd], [{ of: 'container', own: 'a"b' }, ['e'], ['ls']]);
  assert.deepEqual(ExposedPorts, { '80/tcp': {} });
  assert.equal(
    (await ask('POST', '/commit?container=source&changes=RUN%20x')).body.message,
    'run is not a valid change command',
  );
  await remove('source');
});

test('docker: run -i, exec, exit codes', async () => {
  const piped = await docker(['run', '--rm', '-i', '--network', 'none', IMAGE, 'sh', '-c', 'cat; exit 5'], 'through');
  assert.deepEqual([piped.code, piped.stdout], [5, 'through']);
  await started('cli', 'sleep 1000');
  const result = await docker(['exec', '-i', 'cli', 'sh', '-c', 'wc -c; echo err >&2; exit 6'], 'x'.repeat(300_000));
  assert.deepEqual([result.code, result.stdout.trim(), result.stderr], [6, '300000', 'err\n']);
  assert.equal((await docker(['exec', 'cli', 'absent'])).code, 127);
  assert.equal((await docker(['exec', 'cli', '/etc'])).code, 126);
  await remove('cli');
});

test('docker at a terminal: run -it, let go, attach again, exec -it, the size', async () => {
  const terminal = new Terminal(daemon.folder, { columns: 90, rows: 24 }, env());
  try {
    terminal.line(`/usr/bin/docker run -it --name shell --network none ${IMAGE} sh`);
    await terminal.shows(/\/ # /);
    terminal.line('stty size; echo a$((1+1))z');
    await terminal.shows(/24 90\s+a2z/);
    terminal.press('C-p', 'C-q');
    await terminal.shows(/\/ # bash/);
    terminal.line('clear');
    terminal.line('/usr/bin/docker attach shell');
    terminal.line('echo b$((1+1))z');
    await terminal.shows(/b2z/);
    terminal.line('exit 9');
    await terminal.shows(/exit 9\s+bash/);
    terminal.line('echo code $?');
    await terminal.shows(/code 9/);
  } finally {
    await terminal.close();
    await remove('shell');
  }
});
