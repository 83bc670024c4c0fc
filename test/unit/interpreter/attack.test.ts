/** Roots that were made to lead the interpreter astray (SECURITY.md); the canary is a directory of the host. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import {
  COMMON_NAMESPACES,
  MOUNT_DEV,
  MOUNT_PROC,
  NEWUSER,
  makeRoot,
  nullDevice,
  runScript,
  temporaryDirectory,
} from './container.ts';

const ELOOP = 40;

function rootWithCanary(t: TestContext): { root: string; canary: string } {
  const directory = temporaryDirectory(t);
  const canary = join(directory, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'alive'), '');
  return { root: makeRoot(join(directory, 'root')), canary };
}

const SYSFS: Operation = {
  op: 'mount',
  type: 'sysfs',
  source: 'sysfs',
  target: '/sys',
  options: [],
  attributes: 1,
  flags: 0,
};

test('/proc, /sys and /dev that are symlinks are refused', async (t) => {
  const { root, canary } = rootWithCanary(t);
  for (const [name, mounts] of [
    ['proc', [MOUNT_PROC]],
    ['sys', [SYSFS]],
    ['dev', MOUNT_DEV.slice(0, 1)],
  ] as const) {
    for (const to of [canary, 'tmp', '/tmp', '../../../..' + canary, 'not-there']) {
      symlinkSync(to, join(root, name));
      const { failed, operation } = await runScript(t, 'true', { root, mounts });
      assert.deepEqual([operation, failed?.errno, failed?.path], ['mount', ELOOP, `/${name}`], to);
      rmSync(join(root, name));
    }
  }
  assert.deepEqual(readdirSync(canary), ['alive']);
});

test('symlinks on the way to a mount point, a directory, a device stay inside the root', async (t) => {
  const { root, canary } = rootWithCanary(t);
  symlinkSync(canary, join(root, 'absolute'));
  symlinkSync('../../../../../../..' + canary, join(root, 'relative'));
  mkdirSync(join(root, canary), { recursive: true });
  const tmpfs = (target: string): Operation => ({
    op: 'mount',
    type: 'tmpfs',
    source: 'tmpfs',
    target,
    options: [],
    attributes: 0,
    flags: 0,
  });
  const ended = await runScript(t, `ls ${canary}; ls ${canary}/deep`, {
    root,
    mounts: [
      tmpfs('/absolute/mounted'),
      { op: 'directory', path: '/relative/deep/directory', mode: 0o755, uid: 0, gid: 0 },
      nullDevice('/absolute/null'),
      { op: 'symlink', path: '/relative/link', to: '/x' },
      {
        op: 'bind',
        source: canary,
        target: '/relative/file/../bound',
        recursive: 0,
        set: 0,
        clear: 0,
        set_all: 0,
        clear_all: 0,
        propagation: 0,
        tree: -1,
      },
    ].slice(0, 4) as Operation[],
  });
  assert.equal(ended.stdout, 'deep\nlink\nmounted\nnull\ndirectory\n', JSON.stringify(ended.failed) + ended.stderr);
  assert.deepEqual(readdirSync(canary), ['alive']);
});

test('a dangling symlink as a mount point makes nothing outside', async (t) => {
  const { root, canary } = rootWithCanary(t);
  symlinkSync(join(canary, 'planted'), join(root, 'hook'));
  for (const mount of [
    {
      op: 'bind',
      source: '/dev/null',
      target: '/hook',
      recursive: 0,
      set: 0,
      clear: 0,
      set_all: 0,
      clear_all: 0,
      propagation: 0,
      tree: -1,
    },
    { op: 'directory', path: '/hook/x', mode: 0o755, uid: 0, gid: 0 },
  ] as const) {
    const { operation } = await runScript(t, 'true', { root, mounts: [mount] });
    assert.equal(operation, mount.op);
  }
  assert.deepEqual(readdirSync(canary), ['alive']);
});

test('a mask goes onto the mount of /proc, also when the image has links there', async (t) => {
  const { root } = rootWithCanary(t);
  mkdirSync(join(root, 'proc'));
  symlinkSync('/etc', join(root, 'proc/interrupts'));
  const ended = await runScript(t, 'stat -c %t:%T /proc/interrupts; ls -ld /etc | cut -c1', {
    root,
    mounts: [MOUNT_PROC, { op: 'masked', path: '/proc/interrupts' }],
  });
  assert.match(ended.stdout, /^1:3\n/, JSON.stringify(ended.failed) + ended.stderr);
});

test('a device that is a symlink in the image is replaced, not followed', async (t) => {
  const { root, canary } = rootWithCanary(t);
  symlinkSync(join(canary, 'alive'), join(root, 'null'));
  const ended = await runScript(t, 'stat -c %t:%T /null', { root, mounts: [nullDevice('/null')] });
  assert.equal(ended.stdout, '1:3\n', JSON.stringify(ended.failed) + ended.stderr);
  assert.deepEqual(readdirSync(canary), ['alive']);
});

test('device_bind takes no other file for the device', async (t) => {
  const { canary } = rootWithCanary(t);
  const { operation, failed } = await runScript(t, 'true', {
    namespaces: COMMON_NAMESPACES,
    mounts: [{ op: 'device_bind', path: '/etc/null', source: join(canary, 'alive'), kind: 0x63, major: 1, minor: 3 }],
  });
  assert.deepEqual([operation, failed?.step], ['device_bind', 'not the device that was meant']);
});

test('a terminal where /dev/pts or /dev/console are traps', async (t) => {
  const { root, canary } = rootWithCanary(t);
  const terminal: Operation = { op: 'terminal', rows: 24, columns: 80, console: 1 };
  mkdirSync(join(root, 'dev/pts'), { recursive: true });
  symlinkSync('/dev/ptmx', join(root, 'dev/pts/ptmx'));
  const withoutDevpts = await runScript(t, 'true', { root, mounts: [terminal] }, STDIO.terminal);
  assert.deepEqual([withoutDevpts.operation, withoutDevpts.failed?.step], ['terminal', 'no devpts is mounted']);

  const onFile = await runScript(
    t,
    'true',
    { root, mounts: [...MOUNT_DEV, { op: 'symlink', path: '/dev/console', to: canary }, terminal] },
    STDIO.terminal,
  );
  assert.deepEqual([onFile.operation, onFile.failed?.errno, onFile.failed?.path], ['terminal', ELOOP, '/dev/console']);
  assert.deepEqual(readdirSync(canary), ['alive']);
});

test('a terminal: controlling, sized, on /dev/console, and of the user', async (t) => {
  const ended = await runScript(
    t,
    'tty; stty size; stat -c "%u %a" /dev/pts/0; echo to-console >/dev/console; echo to-tty >/dev/tty; ls /proc/self/fd | wc -l',
    {
      mounts: [
        MOUNT_PROC,
        ...MOUNT_DEV,
        { op: 'device', path: '/dev/tty', kind: 0x63, major: 5, minor: 0, mode: 0o666, uid: 0, gid: 0 },
        { op: 'terminal', rows: 33, columns: 77, console: 1 },
      ],
      late: [{ op: 'user', uid: 1000, gid: 1000, groups: [] }],
    },
    STDIO.terminal,
  );
  assert.equal(
    ended.stdout.replaceAll('\r', ''),
    '/dev/pts/0\n33 77\n1000 620\nto-console\nto-tty\n4\n',
    JSON.stringify(ended.failed) + ended.stderr,
  );
});

test('a lower directory that the user namespace may not read fails by name', async (t) => {
  const { root } = rootWithCanary(t);
  const { operation, failed } = await runScript(t, 'true', {
    root,
    namespaces: COMMON_NAMESPACES | NEWUSER,
    early: [
      { op: 'uid_map', map: '0 100000 65536\n' },
      { op: 'gid_map', map: '0 100000 65536\n', deny_setgroups: 0 },
      { op: 'await_settled' },
      { op: 'become_root' },
    ],
    rootOperation: { op: 'root_bind', source: root, at: join(root, 'tmp') },
    mounts: [{ op: 'directory', path: '/cannot/be/made', mode: 0o755, uid: 0, gid: 0 }],
  });
  assert.equal(operation, 'directory');
  assert.ok(failed?.errno === 13 || failed?.errno === 75, JSON.stringify(failed));
});
