/** Clients of the Docker Engine API that break off, stop reading or talk nonsense: nothing leaks, everyone else is served. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { TestDaemon, parentOf } from '../harness/daemon.ts';
import { DockerStream, requestText } from '../harness/docker-stream.ts';
import { haveImage } from '../harness/images.ts';
import { until } from '../harness/until.ts';

const IMAGE = 'busybox:latest';
const MIB = 1024 * 1024;

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  await haveImage(daemon, IMAGE);
});
after(() => daemon.close());

const ask = <T = { message: string }>(method: string, path: string, body?: unknown) =>
  daemon.client.send<T>(method, `/v1.51${path}`, body);

async function started(name: string, script: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { Image: IMAGE, Cmd: ['sh', '-c', script], HostConfig: { NetworkMode: 'none' }, ...more };
  const { Id } = await daemon.client.must<{ Id: string }>('POST', `/v1.51/containers/create?name=${name}`, body);
  await daemon.client.must('POST', `/v1.51/containers/${name}/start`);
  return Id;
}

const remove = (name: string) => ask('DELETE', `/containers/${name}?force=1`);

async function descriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** Resident, bytes. */
async function memory(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** What there is of both processes behind a container, to be the same again. */
class Held {
  private readonly counts: ReadonlyMap<number, number>;

  private constructor(counts: ReadonlyMap<number, number>) {
    this.counts = counts;
  }

  static async by(...pids: readonly number[]): Promise<Held> {
    // connections of the client that are kept alive are counted along, so as many are there as will be
    await Promise.all(Array.from({ length: 32 }, () => ask('GET', '/_ping')));
    return new Held(new Map(await Promise.all(pids.map(async (pid) => [pid, await descriptors(pid)] as const))));
  }

  async again(what: string): Promise<void> {
    for (const [pid, count] of this.counts) {
      await until(`descriptors of ${what} are freed: ${count}`, async () => (await descriptors(pid)) <= count, 60);
    }
  }
}

const shimOf = async (id: string): Promise<number> => parentOf(await daemon.hostPid(id));
const open = (): Promise<DockerStream> => DockerStream.open(daemon.socket);
const attachText = (name: string, query: string): string =>
  requestText({ path: `/containers/${name}/attach?${query}`, upgrade: true });

async function isServed(name: string): Promise<void> {
  const stream = await DockerStream.ask(daemon.socket, attachText(name, 'stream=1&stdin=1&stdout=1'));
  const word = `word${process.hrtime.bigint()}`;
  stream.write(`${word}\n`);
  await stream.shows(new RegExp(word));
  stream.destroy();
}

async function execId(name: string): Promise<string> {
  const body = { Cmd: ['cat'], AttachStdin: true, AttachStdout: true };
  return (await daemon.client.must<{ Id: string }>('POST', `/v1.51/containers/${name}/exec`, body)).Id;
}

test('connections that are broken off at every stage leave nothing behind', async () => {
  const id = await started('stages', 'cat', { OpenStdin: true });
  await isServed('stages');
  const held = await Held.by(daemon.pid, await shimOf(id));
  const whole = attachText('stages', 'stream=1&stdin=1&stdout=1&stderr=1');
  const stages: ((stream: DockerStream) => Promise<void> | void)[] = [
    () => undefined,
    (stream) => stream.write(whole.slice(0, 40)),
    (stream) => stream.write(whole.slice(0, -2)),
    (stream) => stream.write(whole),
    (stream) => stream.write(requestText({ path: '/containers/stages/attach?stream=1&stdout=1' })),
    async (stream) =>
      stream.write(
        requestText({ path: `/exec/${await execId('stages')}/start`, body: '{"Detach":false}', upgrade: true }),
      ),
    // its body never comes
    (stream) => stream.write(whole.replace('Content-Length: 0', 'Content-Length: 10')),
    async (stream) => {
      stream.write(whole);
      await stream.readHead();
    },
    async (stream) => {
      stream.write(whole);
      await stream.readHead();
      stream.write('input\n');
    },
    async (stream) => {
      stream.write(whole);
      stream.half();
      await stream.readHead();
    },
  ];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const stage of stages) {
        const stream = await open();
        await stage(stream);
        stream.destroy();
      }
    }),
  );
  // one that is refused, and does not go
  const lingering = await DockerStream.ask(daemon.socket, attachText('nobody', 'stream=1'));
  assert.equal(lingering.head.status, 404);
  await held.again('aborted connections');
  lingering.destroy();
  await isServed('stages');
  await remove('stages');
});

test('a client that ended its side and then vanished is noticed, and so is one that nobody reads from', async () => {
  const id = await started('vanish', 'sleep 1000', { OpenStdin: true });
  const held = await Held.by(daemon.pid, await shimOf(id));
  const quiet = await Promise.all(
    Array.from({ length: 5 }, () => DockerStream.ask(daemon.socket, attachText('vanish', 'stream=1&stdout=1'))),
  );
  for (const stream of quiet) stream.half();
  const pushing = await DockerStream.ask(daemon.socket, attachText('vanish', 'stream=1&stdin=1&stdout=1'));
  // more than all that lies in between takes, and the process takes none
  pushing.write(Buffer.alloc(8 * MIB));
  await until('it is held back', () => pushing.socket.writableLength > 0);
  for (const stream of [...quiet, pushing]) stream.destroy();
  await held.again('vanished clients');
  await remove('vanish');
});

test('a client that stops reading holds its process back, not the daemon', async () => {
  const size = 96 * MIB;
  const id = await started('flood', `read x; head -c ${size} /dev/zero`, { OpenStdin: true });
  const pids = [daemon.pid, await shimOf(id)];
  const stream = await DockerStream.ask(daemon.socket, attachText('flood', 'stream=1&stdin=1&stdout=1'));
  const [daemonBefore = 0, shimBefore = 0] = await Promise.all(pids.map(memory));
  stream.forget();
  stream.socket.pause();
  stream.write('go\n');
  const logs = await DockerStream.ask(
    daemon.socket,
    requestText({ method: 'GET', path: '/containers/flood/logs?stdout=1&follow=1' }),
  );
  logs.forget();
  await until('it writes', () => logs.received > MIB);
  logs.socket.pause();
  for (let i = 0; i < 20; i++) assert.equal((await ask('GET', '/containers/flood/json')).status, 200);
  const [daemonNow = 0, shimNow = 0] = await Promise.all(pids.map(memory));
  assert.ok(daemonNow - daemonBefore < 80 * MIB, `the daemon grew by ${(daemonNow - daemonBefore) / MIB} MiB`);
  assert.ok(shimNow - shimBefore < 16 * MIB, `the shim grew by ${(shimNow - shimBefore) / MIB} MiB`);
  logs.destroy();
  stream.socket.resume();
  await until('all of it came', () => stream.received >= size, 120);
  stream.destroy();
  await remove('flood');
});

test('a thousand idle streams: all are served, all are freed', async () => {
  const id = await started('idle', 'read x; echo said; cat', { OpenStdin: true });
  const held = await Held.by(daemon.pid, await shimOf(id));
  const before = await memory(daemon.pid);
  const paths = ['/events', '/containers/idle/logs?stdout=1&follow=1'];
  const streams: DockerStream[] = [];
  for (let batch = 0; batch < 20; batch++) {
    const more = Array.from({ length: 50 }, (_, index) =>
      DockerStream.ask(daemon.socket, requestText({ method: 'GET', path: paths[index % 2] ?? '' })),
    );
    streams.push(...(await Promise.all(more)));
  }
  const each = (await memory(daemon.pid)) - before;
  assert.ok(each < 1000 * 100 * 1024, `${each / 1000 / 1024} KiB a stream`);
  const typist = await DockerStream.ask(daemon.socket, attachText('idle', 'stream=1&stdin=1&stdout=1'));
  typist.write('go\n');
  await until(
    'each of them hears of it',
    () => streams.every(({ received, body }) => received > 0 && body.length > 0),
    60,
  );
  for (const stream of [...streams, typist]) stream.destroy();
  await held.again('idle streams');
  await remove('idle');
});

test('what is malformed is refused or cut off, and nobody else notices', async () => {
  await started('target', 'cat', { OpenStdin: true });
  await isServed('target');
  const held = await Held.by(daemon.pid);
  const deep = `{"Cmd":${'['.repeat(100_000)}`;
  const json = (path: string, body: string): string => requestText({ path, body });
  const get = (path: string): string => requestText({ method: 'GET', path });
  const websocket = (...headers: string[]): string =>
    requestText({ method: 'GET', path: '/containers/target/attach/ws?stream=1', headers });
  const requests: readonly string[] = [
    get('/containers/json?filters={'),
    get('/containers/json?filters=[1]'),
    get('/containers/json?filters={"label":{"a":1}}'),
    get(`/events?filters=${'%7B%22'.repeat(200)}`),
    get('/containers/json').replace('/v1.51/', '/v1.99/'),
    get('/containers/json').replace('/v1.51/', '/v0.1/'),
    get('/containers/json').replace('/v1.51/', '/v9999.9999/'),
    get('/containers/%00/json'),
    get('/containers/..%2f..%2fetc/json'),
    get(`/containers/${'x'.repeat(5000)}/json`),
    get('/containers/target/logs'),
    get('/containers/target/logs?stdout=1&since=1e9e9'),
    get('/containers/target/archive?path=%00'),
    json('/containers/create', '{'),
    json('/containers/create', deep),
    json('/containers/create', '{"Image":"\\ud800"}'),
    json('/containers/target/exec', `{"Cmd":${JSON.stringify({ a: 1 })}}`),
    json('/containers/target/exec', `{"Cmd":["x"],"Env":${JSON.stringify([7])}}`),
    json('/containers/target/exec', '[]'),
    json('/exec/nobody/start', '{}'),
    attachText('target', 'stream=1').replace('Content-Length: 0', 'Content-Length: 99999999'),
    attachText('target', 'stream=1').replace('Content-Length: 0', 'Content-Length: -1'),
    attachText('target', 'stream=1').replace('Content-Length: 0', 'Transfer-Encoding: chunked'),
    attachText('target', 'stream=1').replace('Upgrade: tcp', 'Upgrade: websocket').replace('POST', 'GET'),
    requestText({ path: '/containers/create', headers: ['Transfer-Encoding: chunked', 'X: y'] }),
    `POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${5 * MIB}\r\n\r\n${' '.repeat(5 * MIB)}`,
    `GET /v1.51/_ping HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(5000)}\r\n`,
    'nonsense\r\n\r\n',
    websocket('Connection: Upgrade', 'Upgrade: websocket'),
    websocket('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 8', 'Sec-WebSocket-Key: x'),
    websocket('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short'),
    websocket(
      ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      ...['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Origin: http://elsewhere.example'],
    ),
  ];
  await Promise.all(
    requests.map(async (request) => {
      const stream = await open();
      stream.write(request);
      await until(`an answer to ${request.slice(0, 200)}`, () => stream.received > 0 || stream.ended || stream.closed);
      if (stream.received > 0) {
        const { status } = await stream.readHead();
        assert.ok(status >= 400 && status < 500, `${status} to ${request.slice(0, 200)}`);
      }
      stream.destroy();
    }),
  );
  await held.again('malformed requests');
  await isServed('target');
  await remove('target');
});

test('a websocket that breaks the protocol is closed, its attachment with it', async () => {
  const id = await started('web', 'cat', { OpenStdin: true });
  const held = await Held.by(daemon.pid, await shimOf(id));
  const path = `ws+unix://${daemon.socket}:/v1.51/containers/web/attach/ws?stream=1&stdin=1&stdout=1`;
  const socket = new WebSocket(path);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.on('error', () => undefined);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.send(Buffer.alloc(2 * MIB));
  assert.equal(await closed, 1009);
  const silent = new WebSocket(path);
  await new Promise((resolve, reject) => silent.once('open', resolve).once('error', reject));
  silent.terminate();
  await held.again('websockets');
  await isServed('web');
  await remove('web');
});

test('one connection serves request after request, whatever was answered before', async () => {
  await started('kept', 'echo said; cat', { OpenStdin: true });
  const stream = await open();
  const get = (path: string): string => requestText({ method: 'GET', path });
  const answered: [request: string, status: number][] = [
    [get('/_ping'), 200],
    [get('/containers/nobody/json'), 404],
    [requestText({ path: '/containers/create', body: '{' }), 400],
    [get('/containers/json').replace('/v1.51/', '/v1.99/'), 400],
    [requestText({ path: '/containers/kept/resize?h=1&w=1' }), 200],
    [requestText({ method: 'PUT', path: '/containers/kept/archive?path=/absent', body: 'x' }), 404],
    [
      requestText({ method: 'HEAD', path: '/containers/nobody/archive?path=/' }).replace('Content-Length: 0\r\n', ''),
      404,
    ],
  ];
  for (const [request, status] of answered) {
    stream.write(request);
    const isHead = request.startsWith('HEAD');
    const answer = isHead ? await stream.readHead() : await stream.readAnswer();
    assert.equal(answer.status, status, request);
    stream.write(get('/_ping'));
    assert.equal((await stream.readAnswer()).body, 'OK');
  }
  stream.write(get('/containers/kept/logs?stdout=1'));
  assert.equal((await stream.readHead()).status, 200);
  await stream.shows(/said\n\r\n0\r\n\r\n$/);
  stream.destroy();
  const pipelined = await open();
  pipelined.write(answered.map(([request]) => request).join(''));
  for (const [request, status] of answered) {
    const answer = request.startsWith('HEAD') ? await pipelined.readHead() : await pipelined.readAnswer();
    assert.equal(answer.status, status, request);
  }
  pipelined.destroy();
  await remove('kept');
});
