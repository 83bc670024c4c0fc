import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MOUNT_COPY_UP, type Operation } from '../../../daemon/runtime/plan/operations.ts';
import { ATTR, MOUNT_DEV, MOUNT_PROC, makeRoot, nullDevice, runScript, temporaryDirectory } from './container.ts';

test('an overlay with a tmpfs: the root is written to, the lower directory is not', async (t) => {
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  chmodSync(root, 0o1751);
  const ended = await runScript(t, 'stat -c "%a %u %g" /; echo x >/made; cat /made; ls / | wc -l', { root });
  assert.equal(ended.stdout, '1751 0 0\nx\n4\n', JSON.stringify(ended.failed) + ended.stderr);
  assert.equal(ended.code, 0);
  assert.ok(!existsSync(join(root, 'made')));
});

test('an overlay on disk: upper and work are made, the lower paths may hold colons and commas', async (t) => {
  const directory = temporaryDirectory(t);
  const lowers = ['a:b', 'c,d', 'e\\f'].map((name) => join(directory, name));
  for (const lower of lowers) mkdirSync(lower);
  for (const [index, lower] of lowers.entries()) writeFileSync(join(lower, 'which'), String(index));
  const root = makeRoot(join(directory, 'root'));
  const [upper, work, at] = ['upper', 'work', 'mnt'].map((name) => join(directory, name)) as [string, string, string];
  mkdirSync(at);
  const ended = await runScript(t, 'cat /which; echo y >/made', {
    at,
    rootOperation: { op: 'root_overlay', lower: [...lowers, root], upper, work, volatile: 1, userxattr: 0, at },
  });
  assert.equal(ended.stdout, '0', JSON.stringify(ended.failed) + ended.stderr);
  assert.equal(readFileSync(join(upper, 'made'), 'utf8'), 'y\n');
});

test('a bind as root, read-only by its attributes', async (t) => {
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const ended = await runScript(t, 'touch /x 2>/dev/null && echo written; echo end', {
    at,
    rootOperation: { op: 'root_bind', source: root, at },
    mounts: [
      ...MOUNT_DEV.map((operation) => operation),
      nullDevice(),
      { op: 'mount_attributes', target: '/', set: ATTR.rdonly, clear: 0, recursive: 0, propagation: 0 },
    ],
  });
  assert.equal(ended.stdout, 'end\n', JSON.stringify(ended.failed) + ended.stderr);
  assert.ok(!existsSync(join(root, 'x')));
});

test('nothing of the host is left in sight, and nothing appears on the host', async (t) => {
  const before = readFileSync('/proc/self/mounts', 'utf8');
  const ended = await runScript(t, 'cat /proc/self/mounts; ls /proc/self/fd | wc -l; echo $$', {
    mounts: [MOUNT_PROC],
  });
  const lines = ended.stdout.trim().split('\n');
  assert.deepEqual(
    lines.slice(0, 2).map((line) => line.split(' ').slice(1, 3).join(' ')),
    ['/ overlay', '/proc proc'],
    JSON.stringify(ended.failed) + ended.stderr,
  );
  // 0, 1, 2 and the one that `ls` reads the directory by
  assert.deepEqual(lines.slice(2), ['4', '1']);
  assert.equal(readFileSync('/proc/self/mounts', 'utf8'), before);
});

test('masked and read-only paths', async (t) => {
  const script = `
    stat -c '%t:%T' /proc/interrupts; cat /proc/interrupts | wc -c
    ls -A /etc/secret | wc -l; touch /etc/secret/x 2>/dev/null || echo no
    ls -A /etc/secret2 | wc -l
    echo x 2>/dev/null >/proc/sys/kernel/printk || echo read-only
    (echo x >/etc/file) 2>/dev/null || echo read-only`;
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  for (const name of ['secret', 'secret2']) {
    mkdirSync(join(root, 'etc', name));
    writeFileSync(join(root, 'etc', name, 'key'), 'k');
  }
  writeFileSync(join(root, 'etc/file'), 'f');
  const ended = await runScript(t, script, {
    root,
    mounts: [
      MOUNT_PROC,
      ...MOUNT_DEV,
      nullDevice(),
      { op: 'masked', path: '/proc/interrupts' },
      { op: 'masked', path: '/proc/keys' },
      { op: 'masked', path: '/etc/secret' },
      { op: 'masked', path: '/etc/secret2' },
      { op: 'masked', path: '/proc/not-there/at-all' },
      { op: 'readonly', path: '/proc/sys' },
      { op: 'readonly', path: '/etc/file' },
      { op: 'readonly', path: '/not-there' },
    ],
  });
  assert.deepEqual(
    ended.stdout.trim().split('\n'),
    ['1:3', '0', '0', 'no', '0', 'read-only', 'read-only'],
    JSON.stringify(ended.failed) + ended.stderr,
  );
});

test('binds: a directory, a file, one read-only; targets are made', async (t) => {
  const directory = temporaryDirectory(t);
  const source = join(directory, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), 'content');
  const bind = (from: string, target: string, set = 0) =>
    ({
      op: 'bind',
      source: from,
      target,
      recursive: 1,
      set,
      clear: 0,
      set_all: 0,
      clear_all: 0,
      propagation: 0x4_4000,
      tree: -1,
    }) as const;
  const ended = await runScript(
    t,
    'cat /a/b/c/file /f/g; echo x >/a/b/c/new; (echo x >/ro/new2) 2>/dev/null || echo no',
    {
      mounts: [
        ...MOUNT_DEV,
        nullDevice(),
        bind(source, '/a/b/c'),
        bind(join(source, 'file'), '/f/g'),
        bind(source, '/ro', ATTR.rdonly),
      ],
    },
  );
  assert.equal(ended.stdout, 'contentcontentno\n', JSON.stringify(ended.failed) + ended.stderr);
  assert.deepEqual(readdirSync(source).sort(), ['file', 'new']);
});

test('a bind whose source is missing names operation, step, errno and path', async (t) => {
  const { failed, operation } = await runScript(t, 'true', {
    mounts: [
      {
        op: 'bind',
        source: '/not/there',
        target: '/x',
        recursive: 1,
        set: 0,
        clear: 0,
        set_all: 0,
        clear_all: 0,
        propagation: 0,
        tree: -1,
      },
    ],
  });
  assert.equal(operation, 'bind');
  assert.deepEqual([failed?.step, failed?.errno, failed?.path], ['open_tree', 2, '/not/there']);
});

test('a mount option that the file system does not know comes back in its own words', async (t) => {
  const { failed, operation } = await runScript(t, 'true', {
    mounts: [
      { op: 'mount', type: 'tmpfs', source: '', target: '/x', options: ['nonsense=1'], attributes: 0, flags: 0 },
    ],
  });
  assert.equal(operation, 'mount');
  assert.equal(failed?.errno, 22);
  assert.match(failed.step, /^fsconfig nonsense: tmpfs: Unknown parameter/);
});

test('a tmpfs that begins with what lies under it', async (t) => {
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  mkdirSync(join(root, 'etc/deep/er'), { recursive: true });
  writeFileSync(join(root, 'etc/deep/er/file'), 'content', { mode: 0o640 });
  chmodSync(join(root, 'etc/deep'), 0o2755);
  const ended = await runScript(
    t,
    'cat /etc/deep/er/file; stat -c %a /etc/deep /etc/deep/er/file; stat -f -c %T /etc; readlink /bin/sh',
    {
      root,
      mounts: [
        { op: 'mount', type: 'tmpfs', source: 'tmpfs', target: '/etc', options: [], attributes: 0, flags: 1 },
        { op: 'mount', type: 'tmpfs', source: 'tmpfs', target: '/bin', options: [], attributes: ATTR.rdonly, flags: 1 },
      ],
    },
  );
  assert.equal(ended.stdout, 'content2755\n640\ntmpfs\nbusybox\n', JSON.stringify(ended.failed) + ended.stderr);
});

test('devices, directories and symlinks with their modes', async (t) => {
  const ended = await runScript(
    t,
    'stat -c "%n %a %u:%g %F" /dev/null /dev/fifo /dev/zero /made/deep; readlink /dev/fd; echo x >/dev/null',
    {
      mounts: [
        ...MOUNT_DEV,
        nullDevice('/dev/null', 0o666),
        nullDevice('/dev/null', 0o622),
        { op: 'device', path: '/dev/zero', kind: 0x63, major: 1, minor: 5, mode: 0o640, uid: 7, gid: 8 },
        { op: 'device', path: '/dev/fifo', kind: 0x70, major: 0, minor: 0, mode: 0o600, uid: 0, gid: 0 },
        { op: 'directory', path: '/made/deep', mode: 0o1777, uid: 3, gid: 4 },
        { op: 'symlink', path: '/dev/fd', to: '/proc/self/fd' },
        { op: 'symlink', path: '/dev/fd', to: '/proc/self/fd' },
      ],
    },
  );
  assert.equal(
    ended.stdout,
    '/dev/null 622 0:0 character special file\n/dev/fifo 600 0:0 fifo\n' +
      '/dev/zero 640 7:8 character special file\n/made/deep 1777 3:4 directory\n/proc/self/fd\n',
    JSON.stringify(ended.failed) + ended.stderr,
  );
});

test('a device takes the place of a file, not of a directory', async (t) => {
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  writeFileSync(join(root, 'etc/file'), 'x');
  const replaced = await runScript(t, 'stat -c %F /etc/file', { root, mounts: [nullDevice('/etc/file')] });
  assert.equal(replaced.stdout, 'character special file\n', JSON.stringify(replaced.failed) + replaced.stderr);
  assert.ok(statSync(join(root, 'etc/file')).isFile());
  const refused = await runScript(t, 'true', { root, mounts: [nullDevice('/etc')] });
  assert.deepEqual([refused.operation, refused.failed?.path], ['device', '/etc']);
});

test('a tmpfs has the mode it is told, else that of what it hides, else the kernel’s; copied up or not', async (t) => {
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  for (const name of ['plain', 'told', 'copied', 'copied-told']) mkdirSync(join(root, name), { mode: 0o750 });
  writeFileSync(join(root, 'copied-told/file'), '');
  const tmpfs = (target: string, options: readonly string[], flags = 0): Operation => ({
    op: 'mount',
    type: 'tmpfs',
    source: 'tmpfs',
    target,
    options,
    attributes: 0,
    flags,
  });
  const ended = await runScript(t, 'stat -c "%a %u:%g %n" /plain /told /copied /copied-told /new; ls /copied-told', {
    root,
    mounts: [
      tmpfs('/plain', []),
      tmpfs('/told', ['mode=711']),
      tmpfs('/copied', [], MOUNT_COPY_UP),
      tmpfs('/copied-told', ['mode=700', 'uid=5', 'gid=6'], MOUNT_COPY_UP),
      tmpfs('/new', []),
    ],
  });
  const seen = '750 0:0 /plain\n711 0:0 /told\n750 0:0 /copied\n700 5:6 /copied-told\n1777 0:0 /new\nfile\n';
  assert.equal(ended.stdout, seen, JSON.stringify(ended.failed) + ended.stderr);
});
