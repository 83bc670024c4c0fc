/** Attacks on the API itself: odd JSON, clients that go away, pages of other origins, users of the host. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { attempt, Canary, execute, remove, startHostile } from '../harness/attacks.ts';
import { parentOf, TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
let canary: Canary;
let running: string;
const WAITS = ['/bin/sh', '-c', 'echo ready; exec sleep 1000'];
before(async () => {
  daemon = await TestDaemon.open();
  canary = Canary.make(join(daemon.folder, 'canary'));
  running = await startHostile(daemon, WAITS, { tty: true, stdin: true });
});
after(() => daemon.close());

/** What the daemon has logged as a fault of its own. */
const faults = (): string[] => daemon.output.split('\n').filter((line) => /"level":(50|60)/.test(line));

const nest = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;

/** Bodies that are JSON, or almost. */
const ODD = [
  'null',
  '[]',
  '0',
  '""',
  'true',
  '{}x',
  '{"":null}',
  '{"command":null,"rootfs":null}',
  '{"signal":null,"timeout":null,"rows":null,"columns":null,"limits":null,"name":null}',
  '{"signal":{},"timeout":[],"rows":"1","columns":1e400,"limits":[],"name":{}}',
  '{"rows":1e309,"columns":-0.5,"timeout":9007199254740993,"signal":1e3,"limits":{"memory":1e30},"name":"\\u0000"}',
  '{"name":"\\ud800","command":["\\udfff"],"limits":{"cpuset":"\\ud800"}}',
  '{"name":"a","name":"b","constructor":{"prototype":{"polluted":1}}}',
  '{"__proto__":{"polluted":1},"command":["x"]}',
  '{"limits":{"__proto__":{"polluted":1}},"oci":{"__proto__":{"polluted":1}}}',
  nest('[', ']', 20_000),
  nest('{"a":', '}', 20_000),
  `{"oci":${nest('{"a":', '}', 5000)}}`,
  `{"${'k'.repeat(1_000_000)}":1}`,
  `{"command":[${'"",'.repeat(200_000)}""]}`,
  `{"rows":${'9'.repeat(500_000)}}`,
  `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":0`).join()}}`,
  '\ufeff{}',
  '{"rows":1,"columns":1}\0',
];

/** Routes that take a body; one that would need a stream is left out. */
function routes(): string[] {
  const verbs = ['start', 'stop', 'restart', 'kill', 'pause', 'resume', 'rename', 'update', 'resize', 'execs'];
  return [
    '/v1/containers',
    ...verbs.map((verb) => `/v1/containers/no-such-one/${verb}`),
    '/v1/execs/no-such-one/resize',
  ];
}

test('CVE-2024-23650: odd, null, deep, huge JSON at every route is a 4xx, and the daemon lives', async () => {
  const { pid } = daemon;
  for (const body of ODD) {
    for (const route of routes()) {
      const { status } = await daemon.client.send('POST', route, body);
      assert.ok(status >= 400 && status < 500, `${status} of ${route} for ${body.slice(0, 60)}`);
    }
    assert.equal((await daemon.client.send('GET', '/v1/ping')).status, 200);
  }
  // The same at one that is there: a resize may be right, nothing else of these is.
  for (const body of ODD) {
    for (const verb of ['rename', 'update', 'resize', 'execs']) {
      const { status } = await daemon.client.send('POST', `/v1/containers/${running}/${verb}`, body);
      assert.ok(status >= 400 && status < 500, `${status} of ${verb} for ${body.slice(0, 60)}`);
    }
  }
  assert.equal(daemon.pid, pid);
  assert.deepEqual(faults(), []);
  assert.equal((await daemon.client.must<unknown[]>('GET', '/v1/containers?all=true')).length, 1);
  // It bites: what is right is taken.
  const sound = await daemon.client.send('POST', `/v1/containers/${running}/resize`, '{"rows":24,"columns":80}');
  assert.equal(sound.status, 204);
});

/** Sends a request's beginning, or all of it, and is gone at once. */
function abandon(lines: readonly string[], body = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(daemon.socket, () => {
      socket.write([...lines, 'host: tare', '', body].join('\r\n'), () => socket.destroy());
    });
    socket.on('close', () => resolve());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error);
    });
  });
}

const UPGRADE = [
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** A client that goes away in the middle of resize, attach, exec, or of the request itself. */
async function abort(turn: number): Promise<void> {
  const json = (path: string, body: string, length = body.length) =>
    abandon([`POST ${path} HTTP/1.1`, 'content-type: application/json', `content-length: ${length}`], body);
  const container = `/v1/containers/${running}`;
  switch (turn % 6) {
    case 0:
      return json(`${container}/resize`, '{"rows":24,"columns":80}');
    case 1:
      return json(`${container}/resize`, '{"rows":24,', 100);
    case 2:
      return abandon([`GET ${container}/attach HTTP/1.1`, ...UPGRADE]);
    case 3:
      return json(`${container}/execs`, '{"command":["/bin/true"]}');
    case 4: {
      const request = { command: ['/bin/sh', '-c', 'exit 0'], stdin: true };
      const { id } = await daemon.client.must<{ id: string }>('POST', `${container}/execs`, request);
      return abandon([`GET /v1/execs/${id}/start HTTP/1.1`, ...UPGRADE]);
    }
    default:
      return abandon([`GET ${container}/logs?follow=true HTTP/1.1`]);
  }
}

async function aborts(count: number): Promise<void> {
  let turn = 0;
  const lane = async () => {
    while (turn < count) {
      await abort(turn++);
      // An answer is read now and then, or what nobody has accepted yet would fill the socket's queue.
      if (turn % 8 === 0) await daemon.client.send('GET', '/v1/ping');
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane));
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const resident = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** Bytes that live in the daemon's heap and beside it; what V8 has only set aside comes and goes. */
async function used(): Promise<number> {
  const metrics = await daemon.client.must<string>('GET', '/metrics');
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(metrics)?.[1]);
  return value('nodejs_heap_size_used_bytes') + value('nodejs_external_memory_bytes');
}

/** Aborts in six parts; the least of what is in use after each, for garbage waits to be collected. */
async function leastUsed(count: number): Promise<number> {
  const samples: number[] = [];
  for (let part = 0; part < 6; part++) {
    await aborts(count / 6);
    samples.push(await used());
  }
  return Math.min(...samples);
}

test('CVE-2022-23471, 31030: 1,500 aborted resizes, attaches, execs: descriptors and memory are flat', async () => {
  const shim = await parentOf(await daemon.hostPid(running));
  const firstUsed = await leastUsed(600);
  await until('execs have ended', async () => {
    const { processes } = await daemon.client.must<{ processes: unknown[] }>('GET', `/v1/containers/${running}/top`);
    return processes.length === 1;
  });
  const first = { shim: descriptors(shim), memory: resident(shim) };
  const grown = (await leastUsed(1500)) - firstUsed;
  await until('descriptors of the shim are as before', () => descriptors(shim) <= first.shim);
  await until('connections of the daemon are closed', () => descriptors(daemon.pid) < 60);
  const shimGrown = resident(shim) - first.memory;
  assert.ok(shimGrown < 1024, `the shim grew by ${shimGrown} kB`);
  // A socket, its parser and its buffers are some 50 kB: kept of each, that would be 75 MB.
  assert.ok(grown < 32 * 1024 ** 2, `the daemon grew by ${grown} bytes`);
  assert.equal((await execute(daemon, running, { command: ['/bin/true'] })).code, 0);
});

/** The status that a WebSocket of a page of `origin` is answered with. */
function openSocket(path: string, origin: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws+unix://${daemon.socket}:${path}`, { origin });
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      response.destroy();
      resolve(response.statusCode);
    });
  });
}

test('CSRF: foreign origins, a form’s content types, a WebSocket of a page', async () => {
  const body = JSON.stringify({ rootfs: daemon.rootfs, command: ['/bin/true'] });
  const send = async (headers: Record<string, string>) =>
    (await daemon.client.send('POST', '/v1/containers', body, headers)).status;
  for (const origin of [
    'http://evil.example',
    'https://localhost.evil.example',
    'null',
    'file://',
    'http://tare.evil',
  ]) {
    assert.equal(await send({ origin }), 403, origin);
    assert.equal((await daemon.client.send('GET', '/v1/containers', undefined, { origin })).status, 403, origin);
    assert.equal((await daemon.client.send('OPTIONS', '/v1/containers', undefined, { origin })).status, 403, origin);
    for (const path of [`/v1/containers/${running}/attach`, '/v1/execs/none/start']) {
      assert.equal(await openSocket(path, origin), 403, origin);
    }
  }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/json',
  ]) {
    assert.equal(await send({ 'content-type': type }), 415, type);
  }
  const { headers } = await daemon.client.send('GET', '/v1/ping');
  assert.equal(headers['access-control-allow-origin'], undefined);
  assert.equal((await daemon.client.must<unknown[]>('GET', '/v1/containers?all=true')).length, 1);
  // It bites: the same requests without a page's marks are taken.
  assert.equal(await openSocket(`/v1/containers/${running}/attach`, 'http://localhost'), 101);
  const made = await daemon.client.must<{ id: string }>('POST', '/v1/containers', JSON.parse(body));
  await remove(daemon, made.id);
});

test('CVE-2021-21284, 41091: another user of the host walks the data root and connects to the sockets', async () => {
  const secret = ['/bin/sh', '-c', 'echo secret > /found; chmod 4777 /found; echo secret'];
  const id = await daemon.create(secret, { name: 'walked', env: ['TOKEN=hidden'] });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  // The harness' own folder is private; the walker is to meet what the daemon itself closes.
  chmodSync(daemon.folder, 0o755);
  const shown = join(daemon.folder, 'shown');
  mkdirSync(shown, { mode: 0o755 });
  writeFileSync(join(shown, 'file'), '');
  const walk = (folder: string) =>
    spawnSync('find', [folder, '-mindepth', '1'], { uid: 1000, gid: 1000, encoding: 'utf8' });
  // It bites: a folder that is open is walked.
  assert.match(walk(shown).stdout, /shown\/file/);
  assert.equal(walk(daemon.root).stdout, '');
  for (const name of [
    'tare.db',
    'containers',
    `containers/${id}`,
    `containers/${id}/upper/found`,
    `containers/${id}/log`,
  ]) {
    const seen = spawnSync('cat', [join(daemon.root, name)], { uid: 1000, gid: 1000, encoding: 'utf8' });
    assert.match(seen.stderr, /Permission denied/, name);
  }
  assert.doesNotMatch(walk(daemon.run).stdout, /\/c\/./);
  const script =
    'require("node:net").connect(process.argv[1]).on("connect", () => console.log("in")).on("error", (e) => console.log(e.code))';
  for (const socket of [
    daemon.socket,
    ...readdirSync(join(daemon.run, 'c')).map((name) => join(daemon.run, 'c', name)),
  ]) {
    const tried = spawnSync('/usr/bin/env', ['node', '-e', script, socket], { uid: 1000, gid: 1000, encoding: 'utf8' });
    assert.equal(tried.stdout.trim(), 'EACCES', socket + tried.stderr);
  }
  chmodSync(daemon.folder, 0o700);
  await remove(daemon, id);
});

test('after all that a container runs, and the host is as it was', async () => {
  assert.equal((await attempt(daemon, ['/bin/true'])).code, 0);
  await remove(daemon, running);
  assert.deepEqual(canary.changes(), []);
});
