/** Namespaces bound to files: in a mount namespace of this test's own, on a tmpfs. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PinError, pin, unpin } from '../../daemon/network/plane/pins.ts';
import { systemCall } from '../../native-bindings/libc.ts';

const CLONE_NEWNS = 0x20000;
const NAMESPACES = ['net', 'mnt', 'pid', 'ipc', 'uts', 'user', 'cgroup'] as const;

const folder = mkdtempSync(join(tmpdir(), 'tare-pins-'));
const place = (name: string): string => join(folder, name);
let holder: ChildProcess;
/** Of a process in namespaces of its own. */
const ns = (name: string): string => `/proc/${String(holder.pid)}/ns/${name}`;
const idOf = (name: string): string => readlinkSync(ns(name));

before(async () => {
  // The kernel binds a mount namespace only where its number is greater than that of the one it is bound in, and
  // numbers are given out by processors, in batches: on one of them the later namespace has the greater number.
  execFileSync('taskset', ['-c', '-p', '0', String(process.pid)], { stdio: 'ignore' });
  // This thread and what it starts: nothing is mounted where anybody else sees it.
  systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNS);
  execFileSync('mount', ['--make-rprivate', '/']);
  execFileSync('mount', ['-t', 'tmpfs', 'pins', folder]);
  const script = 'echo ready; exec sleep infinity';
  holder = spawn('unshare', ['-n', '-m', '-i', '-u', '-C', '-U', '-r', 'bash', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
});
after(async () => {
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  execFileSync('umount', [folder]);
  rmdirSync(folder);
});

const isMounted = (path: string): boolean => readFileSync('/proc/thread-self/mountinfo', 'utf8').includes(` ${path} `);

test('every kind of namespace is bound, and unbound without a trace', () => {
  for (const name of NAMESPACES) {
    const path = place(`deep/er/${name}`);
    pin(ns(name), path);
    assert.equal(String(statSync(path).ino), /\d+/.exec(idOf(name))?.[0]);
    assert.ok(isMounted(path), name);
    unpin(path);
    assert.ok(!isMounted(path) && !existsSync(path), name);
    unpin(path);
  }
});

test('who joins by the file is in the namespace', () => {
  const path = place('joined');
  pin(ns('net'), path);
  const seen = execFileSync('nsenter', [`--net=${path}`, 'readlink', '/proc/self/ns/net'], { encoding: 'utf8' });
  assert.equal(seen.trim(), idOf('net'));
  unpin(path);
});

test('a file that is empty is taken; one that is not, a link and a pin are not, and stay', () => {
  const [empty, full, link] = [place('empty'), place('full'), place('link')];
  writeFileSync(empty, '');
  writeFileSync(full, 'kept');
  symlinkSync(empty, link);
  assert.throws(() => pin(ns('net'), full), {
    name: 'PinError',
    code: 'EEXIST',
    message: `${full}: is not an empty file`,
  });
  assert.throws(() => pin(ns('net'), link), PinError);
  pin(ns('net'), empty);
  assert.throws(() => pin(ns('uts'), empty), /a namespace is bound there already/);
  assert.equal(String(statSync(empty).ino), /\d+/.exec(idOf('net'))?.[0]);
  unpin(empty);
  unpin(full);
  unpin(link);
  assert.equal(readFileSync(full, 'utf8'), 'kept');
  assert.ok(lstatSync(link).isSymbolicLink() && !existsSync(empty));
});

test('what is refused leaves no file behind', () => {
  const path = place('refused');
  assert.throws(() => pin('/proc/self/status', path), /refused: \/proc\/self\/status is no namespace/);
  assert.throws(() => pin('/proc/4194305/ns/net', path), { code: 'ENOENT' });
  // One's own mount namespace in itself would be held by itself.
  assert.throws(() => pin('/proc/thread-self/ns/mnt', path), /: (ELOOP|EINVAL)/);
  assert.ok(!existsSync(path));
});

test('a mount namespace on a mount that others are told of', () => {
  const [one, other] = [place('one'), place('other')];
  execFileSync('mkdir', [one, other]);
  execFileSync('mount', ['-t', 'tmpfs', 'one', one]);
  execFileSync('mount', ['--make-shared', one]);
  execFileSync('mount', ['--bind', one, other]);
  assert.throws(
    () => pin(ns('mnt'), join(one, 'mnt')),
    /cannot bind .*: EINVAL: a mount namespace can only be bound on a private mount/,
  );
  assert.ok(!existsSync(join(one, 'mnt')));
  // Others but mount namespaces are seen there too, and go from there too.
  pin(ns('net'), join(one, 'net'));
  assert.ok(isMounted(join(other, 'net')));
  unpin(join(one, 'net'));
  assert.ok(!isMounted(join(other, 'net')));
  execFileSync('umount', [other, one]);
});
