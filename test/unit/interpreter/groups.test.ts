/** Control groups of the machine's own hierarchies, under names of these tests. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, eventually } from '../shim/shim.ts';
import {
  COMMON_NAMESPACES,
  MOUNT_DEV,
  MOUNT_PROC,
  NEWUSER,
  containerPlan,
  makeRoot,
  nullDevice,
  runIn,
  runPlan,
  runScript,
  temporaryDirectory,
} from './container.ts';

/** Mount points of cgroup hierarchies that a container can be put into: v1 by controller, v2. */
function hierarchies(): { v1: Map<string, string>; v2: string | undefined } {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, at = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2') v2 ??= at;
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) v1.set(option, at);
  }
  return { v1, v2 };
}

/** A name in every hierarchy; what is left under it after the test fails the test. */
function groupName(t: TestContext): string {
  const name = `tare-interpreter-${randomBytes(6).toString('hex')}`;
  t.after(() => {
    const { v1, v2 } = hierarchies();
    const left = [...new Set([...v1.values(), ...(v2 === undefined ? [] : [v2])])]
      .map((mount) => join(mount, name))
      .filter((path) => existsSync(path));
    assert.deepEqual(left, []);
  });
  return name;
}

test('v1: init is in the groups before its program runs, and they go with it, nested ones too', async (t) => {
  const { v1 } = hierarchies();
  const mounts = ['pids', 'memory', 'freezer'].flatMap((name) => v1.get(name) ?? []);
  if (mounts.length === 0) {
    assert.notEqual(hierarchies().v2, undefined, 'neither v1 nor v2 is mounted');
    return;
  }
  const name = groupName(t);
  const groups = mounts.map((mount) => join(mount, name, 'container'));
  const settle = groups.flatMap((host): Operation[] => [
    { op: 'cgroup_make', host, keep: 0 },
    { op: 'cgroup_join', host },
  ]);
  const ended = await runScript(
    t,
    `cat /proc/self/cgroup; mkdir ${groups[0] ?? ''}/nested /cgroup/nested; cat /cgroup/tasks | wc -l`,
    {
      early: settle,
      mounts: [
        MOUNT_PROC,
        { op: 'await_settled' },
        {
          op: 'bind',
          source: groups[0] ?? '',
          target: '/cgroup',
          recursive: 0,
          set: 0,
          clear: 0,
          set_all: 0,
          clear_all: 0,
          propagation: 0,
          tree: -1,
        },
      ],
    },
  );
  const inside = ended.stdout.split('\n').filter((line) => line.endsWith(`/${name}/container`));
  assert.equal(inside.length, groups.length, JSON.stringify(ended.failed) + ended.stdout + ended.stderr);
  await eventually('the groups are gone', () => !mounts.some((mount) => existsSync(join(mount, name))));
});

test("the same in a user namespace: the descriptors are the shim's", async (t) => {
  const mount = hierarchies().v1.get('pids');
  if (mount === undefined) return;
  const name = groupName(t);
  const host = join(mount, name);
  const ended = await runScript(t, 'cat /proc/self/cgroup', {
    namespaces: COMMON_NAMESPACES | NEWUSER,
    early: [
      { op: 'cgroup_make', host, keep: 0 },
      { op: 'cgroup_join', host },
      { op: 'uid_map', map: '0 0 65536\n' },
      { op: 'gid_map', map: '0 0 65536\n', deny_setgroups: 0 },
      { op: 'await_settled' },
      { op: 'become_root' },
    ],
    mounts: [MOUNT_PROC],
  });
  assert.match(ended.stdout, new RegExp(`pids:/${name}\\n`), JSON.stringify(ended.failed) + ended.stderr);
  await eventually('the group is gone', () => !existsSync(host));
});

test('a group that may not be joined fails as the operation that it is', async (t) => {
  const mount = hierarchies().v1.get('cpuset');
  if (mount === undefined) return;
  const name = groupName(t);
  // Without cpuset.cpus and cpuset.mems nothing can enter it: ENOSPC, cpusets(7).
  const { operation, failed } = await runScript(t, 'true', {
    early: [
      { op: 'cgroup_make', host: join(mount, name), keep: 0 },
      { op: 'cgroup_join', host: join(mount, name) },
      { op: 'await_settled' },
    ],
  });
  assert.deepEqual([operation, failed?.errno, failed?.path], ['cgroup_join', 28, join(mount, name)]);
});

test('groups of a plan that fails are removed at once; the shared parent of others stays', async (t) => {
  const { v1, v2 } = hierarchies();
  const mount = v1.get('pids') ?? v2 ?? '';
  const name = groupName(t);
  mkdirSync(join(mount, name));
  const { operation } = await runScript(t, 'true', {
    early: [
      { op: 'cgroup_make', host: join(mount, name, 'a/b'), keep: 0 },
      { op: 'cgroup_write', host: join(mount, name, 'a/b/not-there'), value: '1' },
      { op: 'await_settled' },
    ],
  });
  assert.equal(operation, 'cgroup_write');
  assert.deepEqual(
    readdirSync(join(mount, name), { withFileTypes: true }).filter((entry) => entry.isDirectory()),
    [],
  );
  rmdirSync(join(mount, name));
});

/** `r0 = verdict; exit`: a device filter that says the same to everything. */
function deviceFilter(verdict: number): Buffer {
  const program = Buffer.alloc(16);
  program.set([0xb7, 0, 0, 0, verdict], 0);
  program.set([0x95], 8);
  return program;
}

test('v2: born in the group, with a device filter that is replaced by a later one', async (t) => {
  const { v2 } = hierarchies();
  if (v2 === undefined) return;
  const name = groupName(t);
  const host = join(v2, name, 'container');
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const plan = (verdict: number): Operation[] => [
    { op: 'cgroup_make', host, keep: 0 },
    { op: 'cgroup_devices', host, program: deviceFilter(1 - verdict) },
    { op: 'cgroup_devices', host, program: deviceFilter(verdict) },
    { op: 'cgroup_into', host },
    ...containerPlan({
      root,
      at,
      mounts: [MOUNT_PROC, ...MOUNT_DEV, nullDevice()],
      argv: ['sh', '-c', 'grep ^0: /proc/self/cgroup; (echo x >/dev/null) 2>/dev/null && echo allowed; true'],
    }),
  ];
  const denied = await runPlan(t, plan(0));
  // mknod is asked for, too.
  assert.deepEqual([denied.operation, denied.failed?.errno], ['device', 1]);
  const allowed = await runPlan(t, plan(1));
  assert.equal(allowed.stdout, `0::/${name}/container\nallowed\n`, JSON.stringify(allowed.failed) + allowed.stderr);
  await eventually('the group is gone', () => !existsSync(join(v2, name)));
});

test('v2: a group is given to a user, and no file of it that is not named', async (t) => {
  const { v2 } = hierarchies();
  if (v2 === undefined) return;
  const name = groupName(t);
  const host = join(v2, name);
  const give = (path: string): Operation => ({ op: 'cgroup_own', host: path, uid: 100_007 });
  const script = 'cd /cgroup; stat -c %u:%g . cgroup.procs cgroup.freeze';
  const { stdout, stderr, failed } = await runScript(t, script, {
    early: [
      { op: 'cgroup_make', host, keep: 0 },
      give(host),
      give(join(host, 'cgroup.procs')),
      give(join(host, 'no.such.file')),
      { op: 'await_settled' },
    ],
    mounts: [
      {
        op: 'bind',
        source: host,
        target: '/cgroup',
        recursive: 0,
        set: 0,
        clear: 0,
        set_all: 0,
        clear_all: 0,
        propagation: 0,
        tree: -1,
      },
    ],
  });
  assert.equal(stdout, '100007:0\n100007:0\n0:0\n', JSON.stringify(failed) + stderr);
  await eventually('the group is gone', () => !existsSync(host));
});

test('an exec joins namespaces, groups and terminal of a running container', async (t) => {
  const { v1, v2 } = hierarchies();
  const mount = v1.get('pids') ?? v2 ?? '';
  const name = groupName(t);
  const host = join(mount, name);
  const directory = temporaryDirectory(t);
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const plan = containerPlan({
    root: makeRoot(join(directory, 'root')),
    at,
    early: [{ op: 'cgroup_make', host, keep: 0 }, { op: 'cgroup_join', host }, { op: 'await_settled' }],
    mounts: [MOUNT_PROC, ...MOUNT_DEV, nullDevice()],
    late: [{ op: 'hostname', name: 'container' }],
    argv: ['sleep', '1000'],
  });
  await client.started({ plan: encodePlan(plan), stdio: STDIO.null });
  const exec = (script: string, extra: Operation[] = []): Operation[] => [
    { op: 'pid_namespace_of_init' },
    { op: 'clone', flags: 0 },
    { op: 'cgroup_join', host },
    { op: 'join_init', flags: COMMON_NAMESPACES & ~0x2000_0000 },
    ...extra,
    { op: 'await_settled' },
    { op: 'working_directory', path: '/tmp', create: 0 },
    { op: 'environment', variables: ['PATH=/bin'] },
    { op: 'exec', file: '', argv: ['sh', '-c', script] },
  ];
  const subscribed = await shim.client().subscribe();
  const script = `hostname; readlink /proc/1/exe; ls /proc/self/fd | wc -l; pwd; grep -c '/${name}$' /proc/self/cgroup`;
  const ended = await runIn(subscribed, exec(script), STDIO.pipes, 'two');
  assert.equal(ended.stdout, 'container\n/bin/busybox\n4\n/tmp\n1\n', JSON.stringify(ended.failed) + ended.stderr);
  const again = await shim.client().subscribe();
  const tty = await runIn(
    again,
    exec('tty; stty size', [{ op: 'terminal', rows: 5, columns: 6, console: 0 }]),
    STDIO.terminal,
    'three',
  );
  assert.equal(tty.stdout, '/dev/pts/0\r\n5 6\r\n', JSON.stringify(tty.failed) + tty.stderr);
  await client.request({ is: 'signal', tag: 0, process: '', signal: 9 });
  const { signal } = await client.exited();
  assert.equal(signal, 9);
  await eventually('the group is gone', () => !existsSync(host));
});
