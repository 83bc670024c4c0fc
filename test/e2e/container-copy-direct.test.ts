/** Copies whose bytes a thread of the daemon moves between the client's connection and the file: whole, or an error. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { copyOut, entriesOf } from '../harness/copy.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { file, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

const top = join(import.meta.dirname, '../..');
const MIB = 1024 * 1024;
/** More than sockets and buffers on the way hold. */
const LARGE = randomBytes(12 * MIB + 77);

let daemon: TestDaemon;
let folder: string;
before(async () => {
  daemon = await TestDaemon.open();
  folder = join(daemon.folder, 'here');
  mkdirSync(folder);
});
after(() => daemon.close());

interface Raw {
  readonly socket: Socket;
  /** What came so far. */
  readonly came: () => string;
}

/** A PUT whose body is sent by the test, after "100 Continue" if that is waited for. */
function put(id: string, path: string, ...headers: string[]): Raw {
  const socket = connect(daemon.socket);
  let came = '';
  socket.on('data', (bytes) => (came += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  const lines = [
    `PUT /v1/containers/${id}/archive?path=${encodeURIComponent(path)} HTTP/1.1`,
    ...['host: tare', 'content-type: application/x-tar', 'expect: 100-continue', 'x-tare-body: waits'],
    ...headers,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return { socket, came: () => came };
}

async function wanted({ came }: Raw): Promise<void> {
  await until('the body is wanted', () => came().startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
}

async function answer({ came }: Raw, status: number): Promise<string> {
  await until(`the answer is ${status}`, () => came().includes(`HTTP/1.1 ${status} `) && came().includes('\r\n\r\n'));
  return came();
}

/** The daemon has no more descriptors of connections and files than it had: nothing of the copy is left. */
async function leavesNothing(work: () => Promise<void>): Promise<void> {
  const open = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
  const before = open();
  await work();
  await until('descriptors are closed', () => open() <= before);
}

/** Work directories of overlays that are there for copies. */
function workOfCopies(id: string): string[] {
  const directory = join(daemon.root, 'containers', id);
  return readdirSync(directory)
    .filter((name) => name.startsWith('work-of-copy-'))
    .map((name) => join(directory, name));
}

test('tare cp brings files of all sizes in and out again', async () => {
  const source = join(folder, 'tree');
  mkdirSync(join(source, 'sub'), { recursive: true });
  const sizes = [0, 1, 511, 512, 513, MIB - 1, MIB, MIB + 1];
  for (const size of sizes) writeFileSync(join(source, 'sub', `f${size}`), LARGE.subarray(0, size));
  writeFileSync(join(source, 'large'), LARGE);
  writeFileSync(join(source, 'holes'), 'begin');
  truncateSync(join(source, 'holes'), 5 * MIB);
  const id = await daemon.create(['sleep', '10000']);
  for (const isRunning of [false, true]) {
    if (isRunning) await daemon.client.must('POST', `/v1/containers/${id}/start`);
    const back = join(folder, `back-${isRunning}`);
    for (const words of [
      [source, `${id}:/tmp/tree${isRunning}`],
      [`${id}:/tmp/tree${isRunning}`, back],
    ]) {
      const { code, stderr } = await daemon.cli(['cp', ...words]);
      assert.equal(code, 0, stderr);
    }
    for (const size of sizes) {
      assert.ok(readFileSync(join(back, 'sub', `f${size}`)).equals(LARGE.subarray(0, size)), String(size));
    }
    assert.ok(readFileSync(join(back, 'large')).equals(LARGE));
    assert.ok(readFileSync(join(back, 'holes')).equals(readFileSync(join(source, 'holes'))));
  }
});

test('an archive on stdin, plain or compressed, and one on stdout', async () => {
  const id = await daemon.create(['true']);
  const archive = tar(file('large', LARGE));
  for (const [place, input] of [['/tmp', archive] as const, ['/var', gzipSync(archive, { level: 1 })] as const]) {
    const { code, stderr } = await daemon.cli(['cp', '-', `${id}:${place}`], input);
    assert.equal(code, 0, stderr);
    const { archive: out } = await copyOut(daemon, id, `${place}/large`);
    assert.ok(entriesOf(out).get('large')?.data.equals(LARGE));
  }
});

test('a body of a known length is taken too, byte by byte if need be, and the connection ends after it', async () => {
  const id = await daemon.create(['true']);
  const archive = tar(file('hello', 'world'));
  const request = put(id, '/tmp', `content-length: ${archive.length}`);
  await wanted(request);
  for (const byte of archive.subarray(0, 700)) request.socket.write(Buffer.of(byte));
  request.socket.write(archive.subarray(700));
  await once(request.socket, 'close');
  assert.match(request.came(), /\r\n\r\nHTTP\/1\.1 204 [^]*\r\nconnection: close\r\n/i);
  assert.equal(
    entriesOf((await copyOut(daemon, id, '/tmp/hello')).archive)
      .get('hello')
      ?.data.toString(),
    'world',
  );
});

test('what is refused ahead is answered without a word that the body is wanted', async () => {
  const id = await daemon.create(['true'], { security: { readonlyRootfs: true } });
  for (const [ref, status] of [['nobody', 404] as const, [id, 409] as const]) {
    const request = put(ref, '/tmp', 'transfer-encoding: chunked');
    await once(request.socket, 'close');
    assert.match(request.came(), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(request.came(), /\r\nconnection: close\r\n/i);
  }
});

test('what is refused in the middle is told to a client that still sends', async () => {
  const id = await daemon.create(['true']);
  await leavesNothing(async () => {
    const request = put(id, '/tmp', `content-length: ${LARGE.length}`);
    await wanted(request);
    request.socket.write(LARGE);
    assert.match(await answer(request, 400), /archive_invalid/);
    request.socket.destroy();
    const { code, stderr } = await daemon.cli(['cp', '-', `${id}:/tmp`], LARGE);
    assert.equal(code, 1);
    assert.match(stderr, /the archive/);
  });
});

test('chunks that are none are refused', async () => {
  const id = await daemon.create(['true']);
  await leavesNothing(async () => {
    const request = put(id, '/tmp', 'transfer-encoding: chunked');
    await wanted(request);
    request.socket.write('xyz\r\n');
    assert.match(await answer(request, 400), /invalid_request/);
    request.socket.destroy();
  });
});

test('a client that goes in the middle of what it sends leaves nothing that is not whole', async () => {
  const id = await daemon.create(['true']);
  const archive = tar(file('first', 'whole'), file('second', LARGE));
  await leavesNothing(async () => {
    const request = put(id, '/tmp', `content-length: ${archive.length}`);
    await wanted(request);
    await new Promise((resolve) => request.socket.write(archive.subarray(0, 5 * MIB), resolve));
    request.socket.destroy();
    await until('it is told in the audit log', () => /"method":"PUT".*"outcome":"aborted"/.test(daemon.output));
  });
  const { archive: left } = await copyOut(daemon, id, '/tmp/first');
  assert.equal(entriesOf(left).get('first')?.data.toString(), 'whole');
  assert.equal((await copyOut(daemon, id, '/tmp/second')).status, 404);
});

test('a client that goes in the middle of what it gets ends the work', async () => {
  const id = await daemon.create(['true']);
  assert.equal((await daemon.cli(['cp', '-', `${id}:/tmp`], tar(file('large', LARGE)))).code, 0);
  await leavesNothing(async () => {
    const response = await daemon.client.open('GET', `/v1/containers/${id}/archive?path=/tmp/large`);
    await once(response, 'readable');
    response.destroy();
  });
});

test('answers before and after one on the same connection are as they should be', async () => {
  const id = await daemon.create(['true']);
  assert.equal((await daemon.cli(['cp', '-', `${id}:/tmp`], tar(file('large', LARGE)))).code, 0);
  const socket = connect(daemon.socket);
  const target = `/v1/containers/${id}/archive?path=/tmp/large`;
  const get = (path: string, ...headers: string[]): string =>
    [`GET ${path} HTTP/1.1`, 'host: tare', ...headers, '', ''].join('\r\n');
  socket.write(get(target) + get(target) + get('/v1/version', 'connection: close'));
  const all = (await buffer(socket)).toString('latin1');
  assert.equal(all.split('HTTP/1.1 200 OK\r\n').length, 4);
  assert.equal(all.split('\r\n0\r\n\r\nHTTP/1.1').length, 3);
});

test('a daemon that is killed, or told to end, ends the copies with an error', async () => {
  const id = await daemon.create(['true']);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const idle = put(id, '/tmp', 'transfer-encoding: chunked');
    await wanted(idle);
    await until('its root is mounted', () =>
      workOfCopies(id).some((work) => existsSync(join(work, 'work/incompat/volatile'))),
    );
    const copy = spawn(join(top, 'bin/tare'), ['cp', '-', `${id}:/var`], {
      env: { ...process.env, TARE_HOST: `unix://${daemon.socket}` },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    copy.stdin.on('error', () => undefined);
    const told = text(copy.stderr);
    const ended = once(copy, 'close');
    const archive = tar(file(`large${signal}`, LARGE));
    copy.stdin.write(archive.subarray(0, 6 * MIB));
    // the other one has the turn: this copy waits for it, or its bytes are on their way
    const closed = once(idle.socket, 'close');
    await daemon.end(signal);
    await closed;
    const [code] = (await ended) as [number];
    assert.notEqual(code, 0);
    assert.match(await told, /daemon|shutting down/);
    await daemon.start();
    assert.equal((await copyOut(daemon, id, `/var/large${signal}`)).status, 404);
    assert.equal(workOfCopies(id).length, signal === 'SIGTERM' ? 0 : 1);
  }
  // what the second left forbids neither a copy nor a start
  assert.equal((await daemon.cli(['cp', '-', `${id}:/tmp`], tar(file('hello', 'world')))).code, 0);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const { code } = await daemon.client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
  assert.equal(code, 0);
});
