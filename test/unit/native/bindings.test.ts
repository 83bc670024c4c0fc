import assert from 'node:assert/strict';
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { errnoName } from '../../../native-bindings/errno.ts';
import { lockExclusive } from '../../../native-bindings/flock.ts';
import { SystemError } from '../../../native-bindings/libc.ts';
import { sealedCopy } from '../../../native-bindings/memfd.ts';
import { pidfdOpen, pidfdSendSignal, signalChild } from '../../../native-bindings/pidfd.ts';
import { pipe, readUntilNul } from '../../../native-bindings/pipe.ts';
import { NoAnswer, receiveDescriptor } from '../../../native-bindings/receive-descriptor.ts';
import { spawn } from '../../../native-bindings/spawn.ts';
import { reap } from '../../../native-bindings/wait.ts';
import { until } from '../../harness/until.ts';

const DEADLINE_MS = 30_000;

async function ended(pid: number): Promise<{ code: number; signal: number }> {
  return until(`the end of ${String(pid)}`, () => {
    const result = reap(pid);
    assert.notEqual(result, 'gone');
    return typeof result === 'object' && result;
  });
}

/** What the script says on its stdout (descriptor 1) until it ends. */
async function output(script: string): Promise<string> {
  const { read, write } = pipe();
  const nothing = openSync('/dev/null', 'r+');
  const pid = await spawn({
    file: '/bin/sh',
    arguments: ['sh', '-c', script],
    environment: ['PATH=/usr/bin:/bin', 'GIVEN=yes'],
    descriptors: [nothing, write, nothing],
  });
  closeSync(write);
  closeSync(nothing);
  const bytes = await readUntilNul(read, DEADLINE_MS);
  await ended(pid);
  return bytes?.toString() ?? '';
}

void describe('posix_spawn', () => {
  void test('its child has the descriptors, environment and directory it was given, and a session of its own', async () => {
    const leak = openSync('/dev/zero', 'r');
    const said = await output(
      'pwd; env | grep -c .; echo $GIVEN; cut -d" " -f1,6 /proc/$$/stat; ls /proc/$$/fd | tr "\\n" " "',
    );
    closeSync(leak);
    const [cwd, , given, session, fds] = said.split('\n');
    assert.equal(cwd, '/');
    assert.equal(given, 'yes');
    const [pid, sid] = (session ?? '').split(' ');
    assert.equal(pid, sid);
    assert.equal(
      fds
        ?.trim()
        .split(' ')
        .filter((fd) => Number(fd) < 10)
        .join(' '),
      '0 1 2',
    );
  });

  void test('no signal is blocked, and those of Node are not ignored', async () => {
    const said = await output('grep -E "^Sig(Blk|Ign)" /proc/self/status');
    assert.match(said, /SigBlk:\t0{16}/);
    const ignored = BigInt(`0x${/SigIgn:\t(\w+)/.exec(said)?.[1] ?? ''}`);
    // 32 and 33 belong to the C library
    assert.equal(ignored & 0x7fff_ffffn, 0n);
  });

  void test('a program that is not there', async () => {
    const request = { file: '/nonexistent/x', arguments: ['x'], environment: [], descriptors: [] };
    await assert.rejects(spawn(request), (error) => error instanceof SystemError && error.code === 'ENOENT');
  });

  void test('a descriptor that would be overwritten is refused', async () => {
    const request = { file: '/bin/true', arguments: ['true'], environment: [], descriptors: [1, 0] };
    await assert.rejects(spawn(request), RangeError);
  });
});

void test('children of libuv and ours are each told their own end', async () => {
  const seen: number[] = [];
  const listener = (): void => {
    seen.push(1);
  };
  process.on('SIGCHLD', listener);
  const theirs = nodeSpawn('/bin/sh', ['-c', 'exit 4']);
  const exit = once(theirs, 'exit');
  const ours = await spawn({ file: '/bin/sh', arguments: ['sh', '-c', 'exit 5'], environment: [], descriptors: [] });
  assert.deepEqual(await ended(ours), { code: 5, signal: 0 });
  assert.equal((await exit)[0], 4);
  await until('SIGCHLD', () => seen.length > 0);
  process.off('SIGCHLD', listener);
  assert.equal(reap(ours), 'gone');
});

void test('a pidfd signals its process, and nobody after it', async () => {
  const pid = await spawn({ file: '/bin/sleep', arguments: ['sleep', '1000'], environment: [], descriptors: [] });
  assert.equal(reap(pid), 'running');
  const fd = pidfdOpen(pid);
  assert.ok(fd !== undefined);
  assert.throws(() => pidfdSendSignal(fd, 1000), { code: 'EINVAL', syscall: 'pidfd_send_signal' });
  assert.ok(pidfdSendSignal(fd, 15));
  assert.deepEqual(await ended(pid), { code: 0, signal: 15 });
  assert.equal(pidfdSendSignal(fd, 15), false);
  assert.equal(signalChild(pid, 15), false);
  closeSync(fd);
});

void test('a sealed copy runs and cannot be written to by anybody', async () => {
  const fd = sealedCopy('/bin/sleep', 'tare-test');
  const path = `/proc/${String(process.pid)}/fd/${String(fd)}`;
  assert.ok(readFileSync(path).equals(readFileSync('/bin/sleep')));
  const pid = await spawn({ file: path, arguments: ['sleep', '1000'], environment: [], descriptors: [] });
  assert.throws(
    () => {
      writeFileSync(`/proc/${String(pid)}/exe`, 'x');
    },
    { code: 'ETXTBSY' },
  );
  signalChild(pid, 9);
  await ended(pid);
  assert.throws(() => writeSync(fd, 'x', 0), { code: 'EPERM' });
  assert.throws(
    () => {
      writeFileSync(path, 'x');
    },
    { code: 'EPERM' },
  );
  closeSync(fd);
});

void test('a lock is held until its file is closed', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tare-native-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const [first, second] = [openSync(join(directory, 'lock'), 'w'), openSync(join(directory, 'lock'), 'w')];
  assert.ok(lockExclusive(first));
  assert.ok(!lockExclusive(second));
  closeSync(first);
  assert.ok(lockExclusive(second));
  closeSync(second);
  assert.throws(() => lockExclusive(second), { code: 'EBADF' });
});

void test('a pipe: until a NUL, until its writer is gone, until the deadline', async () => {
  const first = pipe();
  writeSync(first.write, 'ready\0');
  assert.equal((await readUntilNul(first.read, DEADLINE_MS))?.toString(), 'ready\0');
  closeSync(first.write);
  const second = pipe();
  const said = readUntilNul(second.read, DEADLINE_MS);
  writeSync(second.write, 'an err');
  writeSync(second.write, 'or');
  closeSync(second.write);
  assert.equal((await said)?.toString(), 'an error');
  const third = pipe();
  assert.equal(await readUntilNul(third.read, 10), undefined);
  closeSync(third.write);
});

void test('a descriptor request: refused, hung up on, never answered; nothing stays open', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tare-native-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const path = join(directory, 'sock');
  const request = Buffer.from('please');
  await assert.rejects(
    receiveDescriptor(path, request, () => false, DEADLINE_MS),
    { code: 'ENOENT' },
  );
  let hangUp = true;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (hangUp) socket.end(bytes);
      else socket.write('part');
    });
  });
  server.listen(path);
  await once(server, 'listening');
  const before = readdirSync('/proc/self/fd').length;
  const whole = await receiveDescriptor(path, request, (bytes) => bytes.toString() === 'please', DEADLINE_MS);
  assert.deepEqual([whole.bytes.toString(), whole.fd], ['please', undefined]);
  await assert.rejects(
    receiveDescriptor(path, request, () => false, DEADLINE_MS),
    (error) => error instanceof NoAnswer && !error.timeout,
  );
  hangUp = false;
  await assert.rejects(
    receiveDescriptor(path, request, () => false, 20),
    (error) => error instanceof NoAnswer && error.timeout,
  );
  await assert.rejects(
    receiveDescriptor(`/${'x'.repeat(200)}`, request, () => false, 20),
    RangeError,
  );
  await new Promise((resolve) => server.close(resolve));
  await until('no descriptor is left', () => readdirSync('/proc/self/fd').length <= before);
});

void test('error numbers have their names', () => {
  assert.deepEqual([0, 2, 11, 35, 95, 123, 4000].map(errnoName), [
    '',
    'ENOENT',
    'EAGAIN',
    'EDEADLK',
    'EOPNOTSUPP',
    'ENOMEDIUM',
    'errno 4000',
  ]);
  const { read, write } = pipe();
  closeSync(write);
  assert.equal(readSync(read, Buffer.alloc(1)), 0);
  closeSync(read);
});
