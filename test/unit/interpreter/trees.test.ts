/** `bind_tree`, and what a start without a mount namespace of its own, or next to shared mounts, needs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim } from '../shim/shim.ts';
import {
  MOUNT_PROC,
  NEWNS,
  NEWUSER,
  containerPlan,
  makeRoot,
  runPlan,
  runScript,
  temporaryDirectory,
} from './container.ts';

/** /proc/PID/ns/user of a user namespace with this map. */
async function userNamespace(t: TestContext, map: string): Promise<string> {
  const client = (await Shim.run(t)).client();
  const answer = await client.start({
    plan: encodePlan([
      { op: 'clone', flags: NEWUSER },
      { op: 'gid_map', map, deny_setgroups: 0 },
      { op: 'uid_map', map },
      { op: 'await_settled' },
      { op: 'await_go' },
    ]),
  });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  return `/proc/${String(answer.pid)}/ns/user`;
}

function bind(source: string, target: string, tree: number): Operation {
  return { op: 'bind', source, target, recursive: 1, set: 0, clear: 0, set_all: 0, clear_all: 0, propagation: 0, tree };
}

function systemCall(name: string, number: number, args: number[], buffer = '', bufferArgument = -1): Operation {
  return {
    op: 'system_call',
    name,
    number,
    arguments: args,
    buffer_argument: bufferArgument,
    buffer: Buffer.from(buffer),
    tolerated: 0,
  };
}

test('an id-mapped tree shows and makes owners as its user namespace says, next to one that does not', async (t) => {
  const directory = temporaryDirectory(t);
  const volume = join(directory, 'volume');
  mkdirSync(join(volume, 'below'), { recursive: true });
  writeFileSync(join(volume, 'file'), '');
  chownSync(join(volume, 'file'), 7, 9);
  const namespace = await userNamespace(t, '0 1000 100\n');
  const at = join(directory, 'root');
  const trees: Operation[] = [0, 1].map(() => ({
    op: 'bind_tree',
    source: volume,
    recursive: 1,
    user_namespace: namespace,
    map_all: 1,
    below: '',
  }));
  const plan = [
    ...trees,
    ...containerPlan({
      root: makeRoot(at),
      at,
      mounts: [bind(volume, '/plain', -1), bind(volume, '/second', 1), bind(volume, '/first', 0)],
      argv: [
        'sh',
        '-c',
        'stat -c %u:%g /plain/file /first/file /second/file; touch /first/made; stat -c %u /first/made; ls -d /first/below',
      ],
    }),
  ];
  const ended = await runPlan(t, plan);
  // On disk 0 to 99 are seen as 1000 to 1099, so the program's own uid 0 has no number on disk: EOVERFLOW.
  const [plain, first, second] = ended.stdout.split('\n');
  assert.deepEqual([plain, first, second], ['7:9', '1007:1009', '1007:1009'], JSON.stringify(ended));
  assert.match(ended.stderr, /made/);
  assert.deepEqual(readdirSync(volume).sort(), ['below', 'file']);
});

test('a tree of what lies below a directory, which no link leaves', async (t) => {
  const directory = temporaryDirectory(t);
  const volume = join(directory, 'volume');
  mkdirSync(join(volume, 'etc'), { recursive: true });
  writeFileSync(join(volume, 'etc/inside'), '');
  symlinkSync('/etc', join(volume, 'absolute'));
  symlinkSync('../../../../../../../etc', join(volume, 'relative'));
  symlinkSync('/proc/self/cwd', join(volume, 'magic'));
  const at = join(directory, 'root');
  makeRoot(at);
  const run = (below: string): ReturnType<typeof runPlan> => {
    const tree: Operation = { op: 'bind_tree', source: volume, recursive: 1, user_namespace: '', map_all: 0, below };
    return runPlan(t, [tree, ...containerPlan({ root: at, at, mounts: [bind(below, '/v', 0)], argv: ['ls', '/v'] })]);
  };
  for (const below of ['etc', '/etc', '../../etc', 'absolute', 'relative']) {
    assert.equal((await run(below)).stdout, 'inside\n', below);
  }
  for (const below of ['none', 'magic']) {
    const { operation, failed } = await run(below);
    assert.deepEqual([operation, failed?.step, failed?.errno], ['bind_tree', 'openat2', 2], below);
  }
});

test('an overlay that the shim makes: what is written to goes to its upper directory, else it is read-only', async (t) => {
  const directory = temporaryDirectory(t);
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const at = join(directory, 'root');
  for (const path of [lower, upper, work]) mkdirSync(path);
  writeFileSync(join(lower, 'file'), 'of the lower\n');
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  const trees: Operation[] = [
    { op: 'overlay_tree', lower: [lower], upper, work, volatile: 0 },
    { op: 'overlay_tree', lower: [lower, empty], upper: '', work: '', volatile: 0 },
    { op: 'overlay_tree', lower: [makeRoot(at), empty], upper: '', work: '', volatile: 0 },
  ];
  const argv = ['sh', '-c', 'cat /a/file /b/file; echo new > /a/file; echo new > /b/file'];
  const mounts = [bind(lower, '/a', 0), bind(lower, '/b', 1)];
  const ended = await runPlan(t, [...trees, ...containerPlan({ root: at, at, mounts, argv })]);
  assert.equal(ended.stdout, 'of the lower\nof the lower\n', JSON.stringify(ended));
  assert.match(ended.stderr, /b\/file: Read-only file system/);
  assert.equal(readFileSync(join(upper, 'file'), 'utf8'), 'new\n');
  assert.equal(readFileSync(join(lower, 'file'), 'utf8'), 'of the lower\n');
  const root: Operation = { op: 'root_tree', tree: 2, at };
  const plan = containerPlan({ root: at, at, rootOperation: root, argv: ['sh', '-c', 'ls -d /bin; touch /x'] });
  const readonly = await runPlan(t, [...trees, ...plan]);
  assert.equal(readonly.stdout, '/bin\n', JSON.stringify(readonly));
  assert.match(readonly.stderr, /Read-only file system/);
  const missing: Operation = { op: 'overlay_tree', lower: [join(directory, 'none')], upper, work, volatile: 0 };
  const gone = await runPlan(t, [missing, ...containerPlan({ root: at, at, argv: ['true'] })]);
  assert.deepEqual([gone.operation, gone.failed?.step], ['overlay_tree', 'open of the lower directory']);
});

test('a tree that cannot be mapped, or is missing, fails as bind_tree; one that no operation makes is garbled', async (t) => {
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  const namespace = await userNamespace(t, '0 1000 100\n');
  for (const [operation, errno, step] of [
    [
      { op: 'bind_tree', source: '/proc', recursive: 0, user_namespace: namespace, map_all: 0, below: '' },
      22,
      'mount_setattr idmap',
    ],
    [
      {
        op: 'bind_tree',
        source: join(directory, 'none'),
        recursive: 0,
        user_namespace: namespace,
        map_all: 0,
        below: '',
      },
      2,
      'open_tree',
    ],
    [
      { op: 'bind_tree', source: root, recursive: 0, user_namespace: '/proc/self/ns/user', map_all: 0, below: '' },
      1,
      'mount_setattr idmap',
    ],
  ] as const) {
    const ended = await runPlan(t, [operation, ...containerPlan({ root, at: root, argv: ['true'] })]);
    assert.deepEqual([ended.operation, ended.failed?.errno, ended.failed?.step], ['bind_tree', errno, step]);
  }
  const garbled = await runPlan(t, containerPlan({ root, at: root, mounts: [bind(root, '/x', 0)], argv: ['true'] }));
  assert.match(garbled.failed?.step ?? '', /no such tree/);
});

test('the parent mount becomes private in the container and stays shared on the host', async (t) => {
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  // Next to shared mounts pivot_root is refused: the parent of the new root must not be shared.
  const script = `mount --bind ${directory} ${directory} && mount --make-shared ${directory} && exec "$0" "$@"`;
  for (const [before, operation] of [
    [[], 'pivot_root'],
    [[{ op: 'private_parent', at: root }], undefined],
  ] as [Operation[], string | undefined][]) {
    const shim = await Shim.run(t, { prefix: ['unshare', '--mount', 'sh', '-c', script] });
    const client = await shim.client().subscribe();
    const plan: Operation[] = [
      { op: 'clone', flags: NEWNS },
      ...before,
      { op: 'root_bind', source: root, at: root },
      { op: 'pivot_root' },
      { op: 'environment', variables: ['PATH=/bin'] },
      { op: 'exec', file: '', argv: ['true'] },
    ];
    const answer = await client.start({ plan: encodePlan(plan) });
    assert.equal(
      answer.is === 'failed' ? plan[Number(answer.operation)]?.op : undefined,
      operation,
      JSON.stringify(answer),
    );
    const mounts = readFileSync(`/proc/${String(shim.pid)}/mountinfo`, 'utf8');
    assert.match(mounts.split('\n').find((line) => line.split(' ')[4] === directory) ?? '', / shared:\d+ /);
  }
});

test('a directory as it is: nothing is mounted, and chroot is the way in', async (t) => {
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  const ended = await runPlan(t, [
    { op: 'clone', flags: 0 },
    { op: 'root_directory', source: root },
    { op: 'directory', path: '/made', mode: 0o750, uid: 1, gid: 2 },
    { op: 'change_root' },
    { op: 'working_directory', path: '/made', create: 0 },
    { op: 'environment', variables: ['PATH=/bin'] },
    { op: 'exec', file: '/bin/busybox', argv: ['sh', '-c', 'pwd; ls /; echo $0'] },
  ]);
  assert.equal(ended.stdout, '/made\nbin\netc\nmade\ntmp\nsh\n', JSON.stringify(ended));
  assert.equal(statSync(join(root, 'made')).uid, 1);
});

test('the file that is executed need not be what the program is called', async (t) => {
  for (const file of ['/bin/busybox', 'busybox']) {
    const argv = ['echo', 'a name'];
    const directory = temporaryDirectory(t);
    const root = makeRoot(join(directory, 'root'));
    const plan = containerPlan({ root, at: root, argv }).map((operation) =>
      operation.op === 'exec' ? { ...operation, file } : operation,
    );
    assert.equal((await runPlan(t, plan)).stdout, 'a name\n');
  }
});

test(
  'a system call by number, with and without a buffer; what it refuses goes by its name',
  { skip: process.arch !== 'x64' },
  async (t) => {
    const [SETHOSTNAME, SCHED_SETSCHEDULER, SCHED_BATCH, SETPRIORITY] = [170, 144, 3, 141];
    const ended = await runScript(t, 'hostname; grep ^policy /proc/self/sched; true', {
      mounts: [MOUNT_PROC],
      late: [
        systemCall('sethostname', SETHOSTNAME, [0, 3], 'calledxx', 0),
        systemCall('sched_setscheduler', SCHED_SETSCHEDULER, [0, SCHED_BATCH, 0], '\0\0\0\0', 2),
      ],
    });
    assert.match(ended.stdout, /^cal\n/, JSON.stringify(ended));
    const refused = await runScript(t, 'true', { late: [systemCall('setpriority of nobody', SETPRIORITY, [9, 0, 0])] });
    assert.deepEqual(
      [refused.operation, refused.failed?.errno, refused.failed?.step],
      ['system_call', 22, 'setpriority of nobody'],
    );
    for (const wrong of [systemCall('x', 1, [0, 0, 0, 0, 0, 0, 0]), systemCall('x', 1, [0], '', 1)]) {
      assert.match(
        (await runScript(t, 'true', { late: [wrong] })).failed?.step ?? '',
        /garbled plan.*too many arguments/,
      );
    }
  },
);

test('a label is written below the attributes of the process itself, and nowhere else', async (t) => {
  for (const file of ['missing/exec', '../oom_score_adj', '/proc/self/attr/exec']) {
    const { operation, failed } = await runScript(t, 'true', {
      mounts: [MOUNT_PROC],
      late: [{ op: 'label', file, value: '1' }],
    });
    assert.equal(operation, 'label', file);
    assert.ok([2, 18].includes(Number(failed?.errno)), `${file}: ${String(failed?.errno)}`);
  }
});

test('a group that is to be kept is made and stays', async (t) => {
  const parent = temporaryDirectory(t);
  const host = join(parent, 'a/b');
  const plan: Operation[] = [
    { op: 'cgroup_make', host, keep: 1 },
    { op: 'clone', flags: 0 },
    { op: 'exec', file: '', argv: ['/bin/true'] },
  ];
  const ended = await runPlan(t, plan, STDIO.null);
  assert.equal(ended.code, 0, JSON.stringify(ended));
  assert.ok(statSync(host).isDirectory());
  execFileSync('rmdir', [host]);
});

test('an executable is looked for as it will be executed', async (t) => {
  const root = makeRoot(join(temporaryDirectory(t), 'root'));
  writeFileSync(join(root, 'bin/plain'), 'text', { mode: 0o644 });
  mkdirSync(join(root, 'bin/directory'));
  for (const [file, errno] of [
    ['busybox', undefined],
    ['/bin/busybox', undefined],
    ['bin/busybox', undefined],
    ['missing', 2],
    ['', 2],
    ['/bin/missing', 2],
    ['/bin/busybox/x', 20],
    ['plain', 13],
    ['/bin/plain', 13],
    ['/bin/directory', 13],
    ['directory', 2],
  ] as const) {
    const steps: Operation[] = [
      { op: 'environment', variables: ['PATH=/etc:/bin'] },
      { op: 'find_executable', file },
    ];
    const plan = containerPlan({ root, at: root, argv: ['true'] }).flatMap((operation) =>
      operation.op === 'environment' ? steps : [operation],
    );
    const { failed, operation } = await runPlan(t, plan);
    assert.deepEqual(
      [operation, failed?.errno],
      errno === undefined ? [undefined, undefined] : ['find_executable', errno],
      file,
    );
    const executed = await runPlan(
      t,
      plan
        .filter(({ op }) => op !== 'find_executable')
        .map((last) => (last.op === 'exec' ? { ...last, argv: [file] } : last)),
    );
    assert.equal(executed.failed?.errno, errno, `exec of ${file}`);
  }
});

test('a mask is of the mount namespace that was joined', async (t) => {
  const holding = (await Shim.run(t)).client();
  const answer = await holding.start({ plan: encodePlan([{ op: 'clone', flags: NEWNS }, { op: 'await_go' }]) });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'file'), 'text');
  const ended = await runPlan(t, [
    { op: 'clone', flags: 0 },
    { op: 'namespace_join', type: NEWNS, host: `/proc/${String(answer.pid)}/ns/mnt` },
    { op: 'root_propagation', flags: 0x4_4000 },
    { op: 'masked', path: join(directory, 'file') },
    { op: 'environment', variables: ['PATH=/usr/bin:/bin'] },
    { op: 'exec', file: '', argv: ['stat', '-c', '%t:%T', join(directory, 'file')] },
  ]);
  assert.equal(ended.stdout, '1:3\n', JSON.stringify(ended));
  assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'text');
});
