/** The stops of a start: `await_go` several times, `await_start` with its pipes, and inits that outlive their shim. */
import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFile,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { mkfifo } from '../../../native-bindings/mkfifo.ts';
import { Attended } from '../shim/attended.ts';
import { Shim, alive, eventually, type Answer, type Client } from '../shim/shim.ts';
import {
  COMMON_NAMESPACES,
  NEWNS,
  containerPlan,
  makeRoot,
  runIn,
  temporaryDirectory,
  type PlanOptions,
} from './container.ts';
import { only } from './filters.ts';

interface Scene {
  readonly directory: string;
  readonly plan: (options: Partial<PlanOptions>) => Operation[];
}

function scene(t: TestContext): Scene {
  const directory = temporaryDirectory(t);
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const root = makeRoot(join(directory, 'root'));
  return { directory, plan: (options) => containerPlan({ root, at, argv: ['sleep', '1000'], ...options }) };
}

/** The two pipes of `start_pipe`, in `directory`. */
function pipes(directory: string): Operation & { op: 'start_pipe' } {
  const [start, result] = [join(directory, 'start'), join(directory, 'result')];
  mkfifo(start, 0o600);
  mkfifo(result, 0o600);
  return { op: 'start_pipe', start, result };
}

/** What the end of `result` says after a byte was written to `start`: "" is success. As tare-oci start does it. */
async function release({ start, result }: { start: string; result: string }): Promise<string> {
  const both = openSync(result, constants.O_RDWR);
  const reader = openSync(result, constants.O_RDONLY);
  closeSync(both);
  const writer = openSync(start, constants.O_WRONLY | constants.O_NONBLOCK);
  writeSync(writer, 'x');
  closeSync(writer);
  try {
    return await promisify(readFile)(reader, 'utf8');
  } finally {
    closeSync(reader);
  }
}

async function created(client: Client, plan: readonly Operation[], stdio: number = STDIO.null): Promise<number> {
  const answer = await client.start({ plan: encodePlan(plan), stdio });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  return Number(answer.pid);
}

/** Left behind on purpose: it ends with the test. */
function endAfter(t: TestContext, pid: number): void {
  t.after(async () => {
    if (alive(pid)) process.kill(pid, 'SIGKILL');
    await eventually('the end of what was left behind', () => !alive(pid));
  });
}

function command(pid: number): string {
  return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
    .replaceAll('\0', ' ')
    .trim();
}

test('an init that stops several times is let go of as often', async (t) => {
  const { plan } = scene(t);
  const client = await (await Shim.run(t)).client().subscribe();
  const stop: Operation = { op: 'await_go' };
  const pid = await created(client, plan({ early: [stop], mounts: [stop], late: [stop], argv: ['true'] }));
  const answers = [];
  for (let stops = 0; stops < 3; stops++) {
    const answer = await client.request({ is: 'go', tag: 0, process: '' });
    answers.push(answer.is);
    assert.equal((answer as Answer<'created' | 'started'>).pid, pid);
  }
  assert.deepEqual(answers, ['created', 'created', 'started']);
  assert.equal((await client.exited()).code, 0);
});

test('what fails between two stops is the answer to go; killed at a stop it has ended', async (t) => {
  const { plan } = scene(t);
  const failing = (await Shim.run(t)).client();
  const operations = plan({
    early: [{ op: 'await_go' }],
    mounts: [{ op: 'mount_attributes', target: '/missing', set: 0, clear: 0, recursive: 0, propagation: 0 }],
  });
  await created(failing, operations);
  const failed = await failing.expect('failed', { is: 'go', tag: 0, process: '' });
  assert.deepEqual(
    [operations[Number(failed.operation)]?.op, failed.errno, failed.path],
    ['mount_attributes', 2, '/missing'],
  );

  const client = await (await Shim.run(t)).client().subscribe();
  await created(client, plan({ early: [{ op: 'await_go' }], mounts: [{ op: 'await_go' }] }));
  await client.expect('created', { is: 'go', tag: 0, process: '' });
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
  assert.equal((await client.exited()).signal, 9);
});

test('processes are started in the container while its init waits, by its name or from another shim', async (t) => {
  const { plan } = scene(t);
  const client = await (await Shim.run(t)).client().subscribe();
  const pid = await created(client, plan({ mounts: [{ op: 'await_go' }], late: [{ op: 'hostname', name: 'late' }] }));
  const join: Operation[] = [
    { op: 'pid_namespace_of_init' },
    { op: 'clone', flags: 0 },
    { op: 'join_init', flags: COMMON_NAMESPACES },
    { op: 'environment', variables: ['PATH=/usr/bin:/bin'] },
    { op: 'exec', file: '', argv: ['sh', '-c', 'echo $$; readlink /proc/self/ns/mnt'] },
  ];
  const namespaces = readlinkSync(`/proc/${String(pid)}/ns/mnt`);
  // Not yet pivoted: the root of its mount namespace is still the host's, and /proc with it.
  const inside = await runIn(client, join, STDIO.pipes, 'hook');
  assert.equal(inside.stdout.split('\n')[1], namespaces, JSON.stringify(inside));
  assert.notEqual(readlinkSync('/proc/self/ns/mnt'), namespaces);

  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .split(') ')
      .at(-1)
      ?.split(' ') ?? [];
  const startTime = Number(fields[19]);
  const other = Attended.run(t);
  await other.client.subscribe();
  const reached = await runIn(
    other.client,
    [{ op: 'container_init', pid, start_time: startTime }, ...join],
    STDIO.pipes,
  );
  assert.equal(reached.stdout.split('\n')[1], namespaces, JSON.stringify(reached));

  const stranger = Attended.run(t);
  const refused = await runIn(
    stranger.client,
    [{ op: 'container_init', pid, start_time: startTime + 1 }, ...join],
    STDIO.pipes,
  );
  assert.deepEqual([refused.operation, refused.failed?.errno], ['container_init', 3]);
});

test('without an init there is none to join', async (t) => {
  for (const operations of [
    [{ op: 'pid_namespace_of_init' }, { op: 'clone', flags: 0 }],
    [
      { op: 'clone', flags: 0 },
      { op: 'join_init', flags: NEWNS },
    ],
  ] as Operation[][]) {
    const plan: Operation[] = [...operations, { op: 'exec', file: '', argv: ['true'] }];
    const client = (await Shim.run(t)).client();
    const answer = await client.start({ process: 'early', plan: encodePlan(plan) });
    assert.ok(answer.is === 'failed', JSON.stringify(answer));
    assert.deepEqual(
      [answer.errno, plan[Number(answer.operation)]?.op],
      [3, operations.find(({ op }) => op !== 'clone')?.op],
    );
  }
});

test('a plan without exec holds its namespaces until it is killed', async (t) => {
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const answer = await client.start({
    process: 'holder',
    plan: encodePlan([{ op: 'clone', flags: NEWNS }, { op: 'await_go' }]),
  });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  assert.notEqual(readlinkSync(`/proc/${String(answer.pid)}/ns/mnt`), readlinkSync('/proc/self/ns/mnt'));
  const gone = await client.expect('failed', { is: 'go', tag: 0, process: 'holder' });
  assert.deepEqual([gone.operation, gone.step], [-1, 'end of the plan']);
});

test('a start by pipe: created, the shim gone, and a byte that starts the program', async (t) => {
  const { directory, plan } = scene(t);
  const pipe = pipes(directory);
  const shim = Attended.run(t);
  const pid = await created(shim.client, [
    pipe,
    ...plan({ early: [{ op: 'outlive_shim' }], late: [{ op: 'await_start' }] }),
  ]);
  endAfter(t, pid);
  await shim.leave();
  assert.ok(alive(pid));
  assert.equal(await release(pipe), '');
  assert.equal(command(pid), 'sleep 1000');
});

test('what fails after the byte is told through the pipe', async (t) => {
  const { directory, plan } = scene(t);
  const pipe = pipes(directory);
  const shim = Attended.run(t);
  const operations = [
    pipe,
    ...plan({ early: [{ op: 'outlive_shim' }], late: [{ op: 'await_start' }], argv: ['/missing/program'] }),
  ];
  const pid = await created(shim.client, operations);
  endAfter(t, pid);
  await shim.leave();
  assert.equal(await release(pipe), `${String(operations.length - 1)} 2 execve\n/missing/program`);
  await eventually('the end of init', () => !alive(pid));
});

test('an init that was killed while it waited: nobody is at its pipe', async (t) => {
  const { directory, plan } = scene(t);
  const pipe = pipes(directory);
  const shim = Attended.run(t);
  const pid = await created(shim.client, [
    pipe,
    ...plan({ early: [{ op: 'outlive_shim' }], late: [{ op: 'await_start' }] }),
  ]);
  await shim.leave();
  process.kill(pid, 'SIGKILL');
  await eventually('the end of init', () => !alive(pid));
  assert.throws(() => openSync(pipe.start, constants.O_WRONLY | constants.O_NONBLOCK), { code: 'ENXIO' });
});

test('at the pipe only read, write and the end are needed: a filter that kills at all else lets it through', async (t) => {
  const { directory, plan } = scene(t);
  const pipe = pipes(directory);
  const shim = Attended.run(t);
  // sendmsg for `created`, which still goes to the shim.
  const [READ, WRITE, SENDMSG, EXECVE, EXIT_GROUP] = [0, 1, 46, 59, 231];
  const late: Operation[] = [
    {
      op: 'system_call',
      name: 'prctl PR_SET_NO_NEW_PRIVS',
      number: 157,
      arguments: [38, 1, 0, 0, 0],
      buffer_argument: -1,
      buffer: Buffer.alloc(0),
      tolerated: 0,
    },
    { op: 'seccomp', filter: only(READ, WRITE, SENDMSG, EXECVE, EXIT_GROUP), flags: 0 },
    { op: 'await_start' },
  ];
  const operations = [pipe, ...plan({ early: [{ op: 'outlive_shim' }], late, argv: ['/missing'] })];
  const pid = await created(shim.client, operations);
  endAfter(t, pid);
  await shim.leave();
  assert.equal(await release(pipe), `${String(operations.length - 1)} 2 execve\n/missing`);
});

test('while it waits at the pipe nothing of the shim is open but what it speaks on', async (t) => {
  const { directory, plan } = scene(t);
  const pipe = pipes(directory);
  const zero = openSync('/dev/zero', 'r');
  t.after(() => {
    closeSync(zero);
  });
  const shim = Attended.run(t, { preserve: [zero] });
  const operations = plan({
    early: [{ op: 'outlive_shim' }, { op: 'preserve_descriptors', count: 1 }],
    late: [{ op: 'working_directory', path: '/', create: 0 }, { op: 'await_start' }],
  });
  const pid = await created(shim.client, [pipe, ...operations]);
  endAfter(t, pid);
  const links = (): string[] =>
    readdirSync(`/proc/${String(pid)}/fd`).map((fd) => readlinkSync(`/proc/${String(pid)}/fd/${fd}`));
  assert.deepEqual(
    links()
      .map((link) => link.replace(/\d+/, 'N'))
      .sort(),
    ['/dev/null', '/dev/null', '/dev/null', '/dev/zero', pipe.result, pipe.start, 'socket:[N]']
      .map((link) => link.replace(/\d+/, 'N'))
      .sort(),
  );
  const flags = (fd: string): number =>
    Number.parseInt(/flags:\t(\d+)/.exec(readFileSync(`/proc/${String(pid)}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
  for (const fd of readdirSync(`/proc/${String(pid)}/fd`)) {
    assert.equal((flags(fd) & 0o2000000) !== 0, Number(fd) > 3, `close-on-exec of ${fd}`);
  }
  await shim.leave();
  assert.equal(await release(pipe), '');
  assert.deepEqual(links(), ['/dev/null', '/dev/null', '/dev/null', '/dev/zero']);
});

test('an init on its own dies of a shim that is killed before it was created, and of none after', async (t) => {
  const { directory, plan } = scene(t);
  const early: Operation[] = [{ op: 'outlive_shim' }];
  const waiting = Attended.run(t);
  const lost = await created(waiting.client, plan({ early: [...early, { op: 'await_go' }] }));
  waiting.child.kill('SIGKILL');
  await eventually('the end of an init that nobody lets go', () => !alive(lost));

  const pipe = pipes(directory);
  const shim = Attended.run(t);
  const kept = await created(shim.client, [
    pipe,
    ...plan({ early, late: [{ op: 'user', uid: 1234, gid: 1234, groups: [] }, { op: 'await_start' }] }),
  ]);
  endAfter(t, kept);
  shim.child.kill('SIGKILL');
  await shim.gone();
  assert.equal(await release(pipe), '');
  assert.equal(command(kept), 'sleep 1000');
});

test('a pipe that is none, or is missing, fails as start_pipe', async (t) => {
  const { directory, plan } = scene(t);
  const { start, result } = pipes(directory);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  for (const [pair, errno] of [
    [{ start: file, result }, 22],
    [{ start, result: file }, 22],
    [{ start: join(directory, 'none'), result }, 2],
  ] as const) {
    const client = (await Shim.run(t)).client();
    const failed = await client.start({ plan: encodePlan([{ op: 'start_pipe', ...pair }, ...plan({})]) });
    assert.ok(failed.is === 'failed', JSON.stringify(failed));
    assert.deepEqual([failed.operation, failed.errno], [0, errno]);
  }
});
