/** Attach and exec over WebSocket, with the plain `ws` package as the client. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../harness/daemon.ts';
import { Stream } from '../harness/stream.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const start = (id: string) => daemon.client.must('POST', `/v1/containers/${id}/start`);
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
const attach = (id: string, query = 'stdin=true&stdout=true&stderr=true', options = {}) =>
  Stream.open(daemon.socket, `/v1/containers/${id}/attach?${query}`, options);

test('types echo $((6*7)) into a TTY, reads 42, resizes', async () => {
  const id = await daemon.create(['/bin/sh'], { tty: true, stdin: true });
  await start(id);
  const stream = await attach(id);
  stream.resize(100, 30);
  stream.type('echo $((6*7))\n');
  await stream.shows(/^42\r?$/m);
  stream.type('stty size\n');
  await stream.shows(/30 100/);
  stream.resize(120, 40);
  // The window changes when the frame is taken; ask until it has.
  await until('the terminal has the new size', () => {
    stream.type('stty size\n');
    return stream.stdout.includes('40 120');
  });
  stream.type('exit 42\n');
  assert.equal(await stream.end(), 42);
  assert.equal(stream.closed, 1000);
  await remove(id);
});

test('three pipes: both streams apart, stdin closed by the client', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'cat; echo done >&2; exit 3'], { stdin: true });
  await start(id);
  const stream = await attach(id);
  stream.type('hello ');
  stream.type('world');
  stream.endStdin();
  assert.equal(await stream.end(), 3);
  assert.equal(stream.stdout, 'hello world');
  assert.equal(stream.stderr, 'done\n');
  await remove(id);
});

test('attaching before the start loses no byte of a short life', async () => {
  for (let i = 0; i < 20; i++) {
    const id = await daemon.create(['/bin/sh', '-c', 'echo first; echo second >&2']);
    const stream = await attach(id, 'stdout=true&stderr=true');
    await start(id);
    assert.equal(await stream.end(), 0);
    assert.equal(stream.stdout, 'first\n');
    assert.equal(stream.stderr, 'second\n');
    await remove(id);
  }
});

test('an exec over its own WebSocket, with a TTY and without', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await start(id);
  const exec = async (request: Record<string, unknown>) =>
    (await daemon.client.must<{ id: string }>('POST', `/v1/containers/${id}/execs`, request)).id;
  const plain = await Stream.open(
    daemon.socket,
    `/v1/execs/${await exec({ command: ['/bin/sh', '-c', 'cat; exit 5'], stdin: true })}/start`,
  );
  plain.type('through the pipe');
  plain.endStdin();
  assert.equal(await plain.end(), 5);
  assert.equal(plain.stdout, 'through the pipe');
  const terminal = await Stream.open(
    daemon.socket,
    `/v1/execs/${await exec({ command: ['/bin/sh'], stdin: true, tty: true })}/start?rows=20&columns=70`,
  );
  terminal.type('stty size; exit 6\n');
  assert.equal(await terminal.end(), 6);
  assert.match(terminal.stdout, /20 70/);
  await remove(id);
});

test('several attach at once: each sees all output', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'for i in 1 2 3 4 5; do echo line $i; done']);
  const streams = await Promise.all([1, 2, 3].map(() => attach(id, 'stdout=true')));
  await start(id);
  for (const stream of streams) {
    assert.equal(await stream.end(), 0);
    assert.equal(stream.stdout, 'line 1\nline 2\nline 3\nline 4\nline 5\n');
  }
  await remove(id);
});

test('ten megabytes come through whole, to a slow reader too', async () => {
  const size = 10 * 1024 * 1024;
  const id = await daemon.create(['head', '-c', String(size), '/dev/zero']);
  const fast = await attach(id, 'stdout=true', { keep: false });
  const slow = await attach(id, 'stdout=true', { keep: false });
  slow.socket.pause();
  await start(id);
  await until('the fast reader has got something', () => fast.received > 0);
  slow.socket.resume();
  assert.equal(await fast.end(), 0);
  assert.equal(await slow.end(), 0);
  assert.equal(fast.received, size);
  assert.equal(slow.received, size);
  await remove(id);
});

test('attach with logs tells what was said before, once', async () => {
  const id = await daemon.create(['/bin/sh', '-c', 'echo early; cat; echo late'], { stdin: true });
  await start(id);
  await until('it has spoken', async () => (await daemon.logText(id, 'stdout')) === 'early\n');
  const stream = await attach(id, 'stdin=true&stdout=true&logs=true');
  stream.endStdin();
  assert.equal(await stream.end(), 0);
  assert.equal(stream.stdout, 'early\nlate\n');
  await remove(id);
});

test('attach to nothing is plain HTTP; to a stopped one the API waits for its next start, the CLI refuses', async () => {
  await assert.rejects(attach('nobody'), /^Error: 404 /);
  const id = await daemon.create(['/bin/true']);
  await start(id);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  const waiting = await attach(id, 'stdout=true');
  await start(id);
  assert.equal(await waiting.end(), 0);
  const refused = await daemon.cli(['attach', id]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /does not run/);
  await assert.rejects(Stream.open(daemon.socket, `/v1/execs/nothing/start`), /^Error: 404 /);
  await remove(id);
});

test('a thousand aborted attaches leave no descriptor in the daemon', async () => {
  const id = await daemon.create(['sleep', '1000']);
  await start(id);
  const open = async () => (await readdir(`/proc/${daemon.pid}/fd`)).length;
  const cycle = async (count: number) => {
    for (let i = 0; i < count; i++) (await attach(id)).close();
  };
  await cycle(50);
  const before = await open();
  await cycle(950);
  await until('descriptors are as before', async () => (await open()) <= before + 2);
  await remove(id);
});
