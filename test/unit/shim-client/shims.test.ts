import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pidfdSendSignal, signalChild } from '../../../native-bindings/pidfd.ts';
import { readExitRecord } from '../../../daemon/shim/exit-record.ts';
import { exitOf, exitOfRecord } from '../../../daemon/shim/exit.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import { SocketPathTooLong, checkSocketPaths } from '../../../daemon/shim/shims.ts';
import { ShimLost, ShimRefusal } from '../../../daemon/shim/types.ts';
import { until } from '../../harness/until.ts';
import { Ends, request, shell, testPool } from './pool.ts';

function isSpare(name: string): boolean {
  return name.startsWith('spare-');
}

void describe('the pool of shims', () => {
  void test('a spare becomes the shim of a container by a rename, and another is made after the start', async (t) => {
    const { shims, run } = testPool(t);
    await shims.spareSettled();
    const [spare, ...others] = readdirSync(run).filter(isSpare);
    assert.ok(spare);
    assert.deepEqual(others, []);
    const shim = await shims.open('aa');
    assert.ok(!readdirSync(run).includes(spare));
    const ends = new Ends(shim);
    const outcome = await shim.start(request('exit 3'));
    assert.equal(outcome.is, 'started');
    const exit = await ends.of('');
    assert.deepEqual([exit.code, exit.signal], [3, 0]);
    await until('the next spare', () => readdirSync(run).some((name) => isSpare(name) && name !== spare));
    await shim.forget('');
    await shims.discard('aa');
  });

  void test('a spare has a group ahead, which goes with a shim that is killed; those of a former daemon go at once', async (t) => {
    const groups = mkdtempSync(join(tmpdir(), 'tare-groups-'));
    t.after(() => {
      rmSync(groups, { recursive: true, force: true });
    });
    for (const name of ['spare-1-1', 'of-somebody']) mkdirSync(join(groups, name));
    const { shims, run } = testPool(t, { groups });
    await shims.spareSettled();
    const [socket] = readdirSync(run).filter(isSpare);
    const spare = socket?.replace('.sock', '') ?? '';
    await until('the group', () => existsSync(join(groups, spare)));
    assert.deepEqual(readdirSync(groups).sort(), ['of-somebody', spare]);
    const shim = await shims.open('grouped');
    process.kill(shim.pid, 'SIGKILL');
    await until('the group is removed', () => !existsSync(join(groups, spare)));
    await shims.discard('grouped');
    shim.release();
  });

  void test('a start has ended when its last stop is behind it, not before', async (t) => {
    const { shims } = testPool(t);
    const ended = t.mock.method(shims, 'startEnded');
    const shim = await shims.open('stop');
    const plan = encodePlan([
      { op: 'clone', flags: 0 },
      { op: 'await_go' },
      { op: 'exec', file: '', argv: ['/missing'] },
    ]);
    assert.equal((await shim.start({ ...request(''), plan })).is, 'created');
    assert.equal(ended.mock.callCount(), 0);
    assert.equal((await shim.go('')).is, 'failed');
    assert.equal(ended.mock.callCount(), 1);
    await shim.shutdown();
    await shims.discard('stop');
  });

  void test('many at once: each has a shim of its own, and every process is reaped', async (t) => {
    const { shims, deaths } = testPool(t);
    const ids = Array.from({ length: 8 }, (_, index) => `many${String(index)}`);
    const pids = await Promise.all(
      ids.map(async (id, index) => {
        const shim = await shims.open(id);
        const ends = new Ends(shim);
        await shim.start(request(`exit ${String(index)}`));
        assert.equal((await ends.of('')).code, index);
        await shim.forget('');
        await shims.discard(id);
        return shim.pid;
      }),
    );
    assert.equal(new Set(pids).size, ids.length);
    await until('all shims reaped', () => pids.every((pid) => deaths.some((death) => death.pid === pid)));
    for (const pid of pids) assert.ok(!existsSync(`/proc/${String(pid)}`));
    assert.deepEqual(await shims.listed(), []);
  });

  void test('adopts the shim that another daemon left, and hears of an end that nobody saw', async (t) => {
    const { shims } = testPool(t);
    const first = await shims.open('bb');
    await first.start(request('read line; exit 9', { stdinOpen: true }));
    const input = await first.attach('', {
      stdin: true,
      stdout: false,
      stderr: false,
      closeStdin: false,
      cutWhenSlow: false,
    });
    first.release();
    input.write(Buffer.from('go on\n'));
    const second = await shims.adopt('bb', 30_000);
    assert.ok(second);
    const ends = new Ends(second);
    assert.equal((await ends.of('')).code, 9);
    const [status] = await second.status();
    assert.deepEqual([status?.process, status?.state, status?.code], ['', 2, 9]);
    input.close();
    await second.forget('');
    await shims.discard('bb');
  });

  void test('nobody to adopt: no socket, or a socket that nobody listens on', async (t) => {
    const { shims, run } = testPool(t);
    assert.equal(await shims.adopt('cc', 30_000), undefined);
    const shim = await shims.open('dd');
    const { pid } = shim;
    const lost = new Promise<ShimLost>((resolve) => {
      shim.onLost(resolve);
    });
    assert.ok(signalChild(pid, 9));
    assert.ok((await lost) instanceof ShimLost);
    assert.ok(existsSync(join(run, 'c', 'dd.sock')));
    assert.equal(await shims.adopt('dd', 30_000), undefined);
    await assert.rejects(shim.signal('', 15), ShimLost);
    assert.deepEqual(await shims.listed(), ['dd']);
    await shims.discard('dd');
    assert.deepEqual(await shims.listed(), []);
  });

  void test('a shim that hangs is lost by its deadline', async (t) => {
    const { shims, run } = testPool(t);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(run, 'c', 'ee.sock'), resolve));
    const sockets: { destroy(): void }[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    await assert.rejects(shims.adopt('ee', 50), (error) => error instanceof ShimLost && error.timeout);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  void test('a shim that speaks nonsense is lost, with what was wrong', async (t) => {
    const { shims, run } = testPool(t);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(Buffer.alloc(64, 0xff));
    });
    await new Promise<void>((resolve) => server.listen(join(run, 'c', 'ff.sock'), resolve));
    await assert.rejects(shims.adopt('ff', 30_000), /is not a message of the shim/);
    await new Promise((resolve) => server.close(resolve));
  });

  void test('a run directory that is too long is refused by name', () => {
    assert.throws(() => {
      checkSocketPaths(`/${'r'.repeat(60)}`);
    }, SocketPathTooLong);
    checkSocketPaths('/run/tare');
  });

  void test('a program that is no shim: the reason is told', async (t) => {
    const { shims } = testPool(t);
    await assert.rejects(shims.open('x/../../nowhere/y'), /cannot listen/);
  });
});

void describe('a shim', () => {
  void test('a launch that fails says where', async (t) => {
    const { shims, deaths } = testPool(t);
    const shim = await shims.open('gg');
    const plan = shell('true');
    const outcome = await shim.start(request('', { plan: plan.subarray(0, plan.length - 1) }));
    assert.equal(outcome.is, 'failed');
    shim.release();
    await until('it is reaped', () => deaths.some((death) => death.pid === shim.pid));
    await shims.discard('gg');
  });

  void test('signals, refusals, pidfd', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('hh');
    const ends = new Ends(shim);
    const outcome = await shim.start(request('exec sleep 1000'));
    assert.ok(outcome.is === 'started');
    await assert.rejects(shim.shutdown(), (error) => error instanceof ShimRefusal && error.errno === 16);
    await assert.rejects(shim.resize('', 10, 10), (error) => error instanceof ShimRefusal && error.errno === 25);
    await assert.rejects(shim.signal('other', 15), (error) => error instanceof ShimRefusal && error.errno === 3);
    await assert.rejects(shim.pidfd('other'), (error) => error instanceof ShimRefusal && error.errno === 3);
    const { fd, pid } = await shim.pidfd('');
    assert.equal(pid, outcome.pid);
    assert.match(readFileSync(`/proc/self/fdinfo/${String(fd)}`, 'utf8'), new RegExp(`Pid:\\s+${String(pid)}\\n`));
    assert.ok(pidfdSendSignal(fd, 15));
    closeSync(fd);
    const exit = exitOf(await ends.of(''));
    assert.deepEqual([exit.code, exit.signal, exit.unknown, exit.oomKilled], [143, 'SIGTERM', false, false]);
    await shim.forget('');
    await shims.discard('hh');
  });

  void test('execs beside init, and the exit record', async (t) => {
    const { shims, run } = testPool(t);
    const shim = await shims.open('ii');
    const ends = new Ends(shim);
    const record = join(run, 'exit.json');
    assert.equal(await readExitRecord(record), undefined);
    await shim.start(request('read line; exit 7', { stdinOpen: true, record }));
    await shim.start(request('exit 5', { process: 'e1' }));
    assert.equal((await ends.of('e1')).code, 5);
    await shim.forget('e1');
    await shim.signal('', 9);
    const exit = exitOf(await ends.of(''));
    const written = await readExitRecord(record);
    assert.ok(written);
    assert.deepEqual(exitOfRecord(written), exit);
    assert.equal(exit.signal, 'SIGKILL');
    await shim.forget('');
    await shims.discard('ii');
  });

  void test('an exit record that is none is an error, not an exit', async (t) => {
    const { run } = testPool(t);
    const path = join(run, 'exit.json');
    const good = { version: 1, code: 1, signal: 0, oom_kills: 0, at: '2026-01-01T00:00:00.000000000Z' };
    writeFileSync(path, JSON.stringify(good));
    assert.deepEqual(await readExitRecord(path), good);
    for (const bad of [
      '',
      '[]',
      'null',
      JSON.stringify({ ...good, version: 2 }),
      JSON.stringify({ ...good, code: 256 }),
      JSON.stringify({ ...good, code: '1' }),
      JSON.stringify({ ...good, signal: -1 }),
      JSON.stringify({ ...good, at: 'yesterday' }),
      JSON.stringify({ ...good, more: 1 }),
    ]) {
      writeFileSync(path, bad);
      await assert.rejects(readExitRecord(path), { name: 'MalformedExitRecord' });
    }
  });
});
