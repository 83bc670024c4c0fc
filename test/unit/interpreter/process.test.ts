import assert from 'node:assert/strict';
import { chmodSync, lchownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import {
  COMMON_NAMESPACES,
  MOUNT_DEV,
  MOUNT_PROC,
  NEWCGROUP,
  NEWUSER,
  makeRoot,
  nullDevice,
  runScript,
  temporaryDirectory,
} from './container.ts';
import { VERDICT, allBut } from './filters.ts';

const SETTLED: Operation = { op: 'await_settled' };
const CHOWN = 1;
const NET_BIND_SERVICE = 1 << 10;

test('names, limits, umask, environment, working directory', async (t) => {
  const ended = await runScript(t, 'hostname; ulimit -n; umask; pwd; echo "$A"; cat /proc/sys/kernel/domainname', {
    mounts: [MOUNT_PROC],
    late: [
      { op: 'hostname', name: 'web' },
      { op: 'domainname', name: 'example' },
      { op: 'rlimit', resource: 7, soft: 123, hard: 456 },
      { op: 'umask', mask: 0o027 },
      { op: 'keyring', name: 'tare-test' },
      { op: 'working_directory', path: '/made/for/it', create: 1 },
      { op: 'environment', variables: ['PATH=/bin', 'A=1=2'] },
    ].slice(0, 6) as Operation[],
  });
  assert.equal(ended.stdout, 'web\n123\n0027\n/made/for/it\n\nexample\n', JSON.stringify(ended.failed) + ended.stderr);
});

test('a system call that fails is a failure, but for the errno that is tolerated', async (t) => {
  const call = (tolerated: number): Operation => ({
    op: 'system_call',
    name: 'dup of nothing',
    number: 32,
    arguments: [1_000_000],
    buffer_argument: -1,
    buffer: Buffer.alloc(0),
    tolerated,
  });
  const refused = await runScript(t, 'true', { late: [call(0)] });
  assert.deepEqual(
    [refused.operation, refused.failed?.step, refused.failed?.errno],
    ['system_call', 'dup of nothing', 9],
  );
  const other = await runScript(t, 'true', { late: [call(38)] });
  assert.equal(other.failed?.errno, 9);
  assert.equal((await runScript(t, 'echo on', { late: [call(9)] })).stdout, 'on\n');
});

test('a sysctl of the new network namespace, and one that is not there', async (t) => {
  const ended = await runScript(t, 'cat /proc/sys/net/ipv4/ip_forward', {
    early: [{ op: 'loopback_up' }],
    mounts: [MOUNT_PROC],
    late: [{ op: 'sysctl', key: 'net/ipv4/ip_forward', value: '1' }],
  });
  assert.equal(ended.stdout, '1\n', JSON.stringify(ended.failed) + ended.stderr);
  for (const key of ['net/not_there', '../self/oom_score_adj', 'kernel/../../1/oom_score_adj/x']) {
    const refused = await runScript(t, 'true', { late: [{ op: 'sysctl', key, value: '1' }] });
    assert.equal(refused.operation, 'sysctl', key);
  }
});

test('user, groups and the five capability sets are exact', async (t) => {
  const ended = await runScript(
    t,
    'id; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status; echo out >/dev/stdout',
    {
      mounts: [MOUNT_PROC, ...MOUNT_DEV, { op: 'symlink', path: '/dev/stdout', to: '/proc/self/fd/1' }],
      late: [
        { op: 'bounding_set', capabilities: CHOWN | NET_BIND_SERVICE },
        { op: 'user', uid: 1234, gid: 2345, groups: [5, 4_294_967_294] },
        {
          op: 'capabilities',
          effective: NET_BIND_SERVICE,
          permitted: NET_BIND_SERVICE,
          inheritable: NET_BIND_SERVICE,
          ambient: NET_BIND_SERVICE,
        },
        { op: 'no_new_privs' },
        { op: 'seccomp', filter: allBut(83, VERDICT.eperm), flags: 0 },
      ],
    },
  );
  const bits = (value: number): string => value.toString(16).padStart(16, '0');
  assert.deepEqual(
    ended.stdout.replaceAll('\t', ' ').trim().split('\n'),
    [
      'uid=1234 gid=2345 groups=5,4294967294',
      `CapInh: ${bits(NET_BIND_SERVICE)}`,
      `CapPrm: ${bits(NET_BIND_SERVICE)}`,
      `CapEff: ${bits(NET_BIND_SERVICE)}`,
      `CapBnd: ${bits(CHOWN | NET_BIND_SERVICE)}`,
      `CapAmb: ${bits(NET_BIND_SERVICE)}`,
      'NoNewPrivs: 1',
      'Seccomp: 2',
      'out',
    ],
    JSON.stringify(ended.failed) + ended.stderr,
  );
});

test('an id that would mean "unchanged" is refused', async (t) => {
  for (const [uid, gid, groups] of [
    [4_294_967_295, 0, []],
    [0, 4_294_967_296, []],
    [0, 0, [4_294_967_295]],
  ] as const) {
    const { operation, failed } = await runScript(t, 'true', { late: [{ op: 'user', uid, gid, groups }] });
    assert.deepEqual([operation, failed?.errno], ['user', 22]);
  }
});

test('seccomp before the change of user, without no_new_privs', async (t) => {
  const ended = await runScript(t, 'id -u; mkdir /tmp/x 2>&1', {
    late: [
      { op: 'bounding_set', capabilities: CHOWN },
      { op: 'seccomp', filter: allBut(83, VERDICT.eperm), flags: 0 },
      { op: 'user', uid: 1, gid: 1, groups: [] },
      { op: 'capabilities', effective: 0, permitted: 0, inheritable: 0, ambient: 0 },
      { op: 'working_directory', path: '/tmp', create: 1 },
    ],
  });
  assert.equal(
    ended.stdout,
    "1\nmkdir: can't create directory '/tmp/x': Operation not permitted\n",
    JSON.stringify(ended.failed),
  );
});

test('a garbled filter, and one that kills before execve', async (t) => {
  const refused = await runScript(t, 'true', { late: [{ op: 'seccomp', filter: Buffer.alloc(12), flags: 0 }] });
  assert.deepEqual([refused.operation, refused.failed?.errno], ['seccomp', 22]);
  const killed = await runScript(t, 'true', { late: [{ op: 'seccomp', filter: allBut(59, VERDICT.kill), flags: 0 }] });
  assert.deepEqual(
    [Number(killed.failed?.operation), killed.failed?.errno, killed.failed?.step],
    [-1, 0, 'init was killed by signal 31'],
  );
});

test('not found, not executable, a directory, not a program', async (t) => {
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  writeFileSync(join(root, 'bin/plain'), 'text');
  writeFileSync(join(root, 'bin/garbage'), 'text');
  chmodSync(join(root, 'bin/garbage'), 0o755);
  mkdirSync(join(root, 'bin/directory'));
  for (const [name, errno] of [
    ['missing', 2],
    ['/bin/missing', 2],
    ['', 2],
    ['plain', 13],
    ['/bin/plain', 13],
    ['directory', 2],
    ['/bin/directory', 13],
    ['garbage', 8],
    ['bin/../etc/x', 2],
  ] as const) {
    const { operation, failed } = await runScript(t, '', { root, argv: [name] });
    assert.deepEqual([operation, failed?.errno, failed?.path], ['exec', errno, name]);
  }
});

test('a working directory outside of the root is refused', async (t) => {
  for (const path of Array.from({ length: 20 }, (_, fd) => `/proc/self/fd/${String(fd)}`)) {
    const { operation } = await runScript(t, 'pwd', {
      mounts: [MOUNT_PROC],
      late: [{ op: 'working_directory', path, create: 0 }],
    });
    assert.equal(operation, 'working_directory', path);
  }
  const { operation } = await runScript(t, 'pwd', {
    mounts: [MOUNT_PROC],
    late: [{ op: 'working_directory', path: '/proc/self/fd/9/x', create: 1 }],
  });
  assert.equal(operation, 'working_directory');
});

test('a program by way of a descriptor of init is not found', async (t) => {
  for (const path of Array.from({ length: 20 }, (_, fd) => `/proc/self/fd/${String(fd)}/bin/sh`)) {
    const { operation } = await runScript(t, '', { mounts: [MOUNT_PROC], argv: [path] });
    assert.equal(operation, 'exec', path);
  }
});

test('a user namespace: root inside is another user outside, with its maps', async (t) => {
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  for (const path of ['', ...readdirSync(root, { recursive: true, encoding: 'utf8' })])
    lchownSync(join(root, path), 100_000, 100_000);
  const at = join(directory, 'closed/mnt');
  mkdirSync(at, { recursive: true });
  chmodSync(join(directory, 'closed'), 0o700);
  const secret = join(directory, 'closed/file');
  writeFileSync(secret, 'bound\n');
  const ended = await runScript(
    t,
    'id -u; id -G; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "; cat /etc/bound; stat -c %t:%T /dev/null; echo out >/dev/stdout; cat /proc/self/setgroups',
    {
      root,
      at,
      namespaces: COMMON_NAMESPACES | NEWUSER,
      early: [
        { op: 'uid_map', map: '0 100000 65536\n' },
        { op: 'gid_map', map: '0 100000 65536\n', deny_setgroups: 0 },
        SETTLED,
        { op: 'become_root' },
      ],
      rootOperation: { op: 'root_overlay_tmpfs', lower: [root], size: 1 << 20, userxattr: 1, at },
      mounts: [
        MOUNT_PROC,
        ...MOUNT_DEV,
        { op: 'device_bind', path: '/dev/null', source: '/dev/null', kind: 0x63, major: 1, minor: 3 },
        { op: 'symlink', path: '/dev/stdout', to: '/proc/self/fd/1' },
        {
          op: 'bind',
          source: secret,
          target: '/etc/bound',
          recursive: 1,
          set: 0,
          clear: 0,
          set_all: 0,
          clear_all: 0,
          propagation: 0,
          tree: -1,
        },
        { op: 'masked', path: '/proc/interrupts' },
      ],
      late: [
        { op: 'bounding_set', capabilities: CHOWN },
        { op: 'user', uid: 0, gid: 0, groups: [] },
        { op: 'capabilities', effective: CHOWN, permitted: CHOWN, inheritable: 0, ambient: 0 },
      ],
    },
  );
  assert.equal(
    ended.stdout,
    '0\n0\n 0 100000 65536\n 0 100000 65536\nbound\n1:3\nout\nallow\n',
    JSON.stringify(ended.failed) + ended.stderr,
  );
});

test('a user that the user namespace does not map', async (t) => {
  const { operation, failed } = await runScript(t, 'true', {
    namespaces: COMMON_NAMESPACES | NEWUSER,
    early: [
      { op: 'uid_map', map: '0 100000 10\n' },
      { op: 'gid_map', map: '0 100000 65536\n', deny_setgroups: 1 },
      SETTLED,
      { op: 'become_root' },
    ],
    late: [{ op: 'user', uid: 11, gid: 11, groups: [] }],
  });
  assert.deepEqual([operation, failed?.errno], ['user', 22]);
  assert.match(failed?.step ?? '', /not mapped/);
});

test('a garbled uid map fails as the operation of the shim that it is', async (t) => {
  const { operation, failed } = await runScript(t, 'true', {
    namespaces: COMMON_NAMESPACES | NEWUSER,
    early: [{ op: 'uid_map', map: 'nonsense' }, SETTLED],
  });
  assert.deepEqual([operation, failed?.errno, failed?.path], ['uid_map', 22, 'uid_map']);
});

test('clocks of a time namespace', async (t) => {
  const ended = await runScript(t, 'cat /proc/uptime /proc/self/timens_offsets', {
    early: [{ op: 'time_namespace', offsets: 'monotonic 0 0\nboottime 40000000 1\n' }],
    mounts: [MOUNT_PROC],
  });
  assert.ok(
    Number(ended.stdout.split(' ')[0]) > 39_000_000,
    JSON.stringify(ended.failed) + ended.stdout + ended.stderr,
  );
});

test('oom_score_adj and a cgroup namespace', async (t) => {
  const ended = await runScript(t, 'cat /proc/self/oom_score_adj', {
    early: [{ op: 'oom_score_adj', value: '77' }, SETTLED, { op: 'cgroup_namespace' }],
    mounts: [MOUNT_PROC],
  });
  assert.equal(ended.stdout, '77\n', JSON.stringify(ended.failed) + ended.stderr);
  const flagged = await runScript(t, 'cat /proc/self/cgroup | grep -c ":/$"', {
    namespaces: COMMON_NAMESPACES | NEWCGROUP,
    mounts: [MOUNT_PROC, ...MOUNT_DEV, nullDevice()],
  });
  assert.notEqual(flagged.stdout, '0\n', JSON.stringify(flagged.failed) + flagged.stderr);
});
