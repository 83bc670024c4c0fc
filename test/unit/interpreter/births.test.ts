/** `birth_namespace`: init is born in namespaces that others live in, by an intermediate process. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, alive, eventually, type Client } from '../shim/shim.ts';
import { NEWCGROUP, NEWIPC, NEWNET, NEWNS, NEWPID, NEWUSER, NEWUTS, runIn } from './container.ts';

const NEWTIME = 0x80;
const SETTLED: Operation = { op: 'await_settled' };
const MAPS: readonly Operation[] = [
  { op: 'gid_map', map: '0 100000 1000\n', deny_setgroups: 0 },
  { op: 'uid_map', map: '0 100000 1000\n' },
];

/** A process that holds these namespaces, by a plan without exec in a shim of its own. */
async function holder(t: TestContext, flags: number): Promise<number> {
  const client = (await Shim.run(t)).client();
  const maps = (flags & NEWUSER) === 0 ? [] : [...MAPS, SETTLED];
  const plan = encodePlan([{ op: 'clone', flags }, ...maps, { op: 'await_go' }]);
  const answer = await client.start({ process: '', plan });
  assert.equal(answer.is, 'created', JSON.stringify(answer));
  return Number(answer.pid);
}

function birth(type: number, pid: number | string, name: string): Operation {
  return { op: 'birth_namespace', type, host: `/proc/${String(pid)}/ns/${name}` };
}

function shell(script: string): Operation[] {
  return [
    { op: 'environment', variables: ['PATH=/usr/bin:/bin'] },
    { op: 'exec', file: '', argv: ['sh', '-c', script] },
  ];
}

function namespace(pid: number, name: string): string {
  return readlinkSync(`/proc/${String(pid)}/ns/${name}`);
}

const LINKS = (names: string): string => `for n in ${names}; do readlink /proc/self/ns/$n; done`;

async function subscribed(t: TestContext): Promise<{ shim: Shim; client: Client }> {
  const shim = await Shim.run(t);
  return { shim, client: await shim.client().subscribe() };
}

test('a user namespace is joined as its root, with namespaces of its own made in it', async (t) => {
  const pid = await holder(t, NEWUSER);
  const { shim, client } = await subscribed(t);
  const plan: Operation[] = [
    birth(NEWUSER, pid, 'user'),
    { op: 'clone', flags: NEWNET | NEWUTS },
    { op: 'become_root' },
    { op: 'hostname', name: 'joined' },
    { op: 'loopback_up' },
    ...shell(`id -u; hostname; readlink /proc/self/ns/user; ps -o ppid= -p $$`),
  ];
  const ended = await runIn(client, plan, STDIO.pipes);
  const [uid, name, user, parent] = ended.stdout.split('\n');
  assert.deepEqual([uid, name, user], ['0', 'joined', namespace(pid, 'user')], JSON.stringify(ended));
  assert.equal(Number(parent), shim.pid, 'it is the child of the shim itself');
});

test('the end of one who was born elsewhere is the shim’s to tell, and nothing of the intermediate is left', async (t) => {
  const pid = await holder(t, NEWUSER | NEWPID);
  const { shim, client } = await subscribed(t);
  const started = await client.started({
    plan: encodePlan([
      birth(NEWUSER, pid, 'user'),
      birth(NEWPID, pid, 'pid'),
      { op: 'clone', flags: 0 },
      ...shell('exec sleep 1000'),
    ]),
  });
  const children = readFileSync(`/proc/${String(shim.pid)}/task/${String(shim.pid)}/children`, 'utf8').trim();
  assert.equal(children, String(started.pid));
  assert.match(readFileSync(`/proc/${children}/status`, 'utf8'), /^NSpid:\t\d+\t2$/m);
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 15 });
  assert.equal((await client.exited()).signal, 15);
});

test('namespaces of the host are joined together with a new user namespace', async (t) => {
  const pid = await holder(t, NEWNET | NEWIPC | NEWUTS | NEWCGROUP);
  const { client } = await subscribed(t);
  const kinds = [
    [NEWNET, 'net'],
    [NEWIPC, 'ipc'],
    [NEWUTS, 'uts'],
    [NEWCGROUP, 'cgroup'],
  ] as const;
  const plan: Operation[] = [
    ...kinds.map(([type, name]) => birth(type, pid, name)),
    { op: 'clone', flags: NEWUSER | NEWNS },
    ...MAPS,
    SETTLED,
    { op: 'become_root' },
    ...shell(`id -u; ${LINKS('net ipc uts cgroup')}`),
  ];
  const ended = await runIn(client, plan, STDIO.pipes);
  assert.equal(
    ended.stdout,
    ['0', ...kinds.map(([, name]) => namespace(pid, name)), ''].join('\n'),
    JSON.stringify(ended),
  );
});

test('the clocks of a joined time namespace', async (t) => {
  const held = await holderOfTime(t);
  const { client } = await subscribed(t);
  const plan: Operation[] = [
    birth(NEWTIME, held.pid ?? -1, 'time'),
    { op: 'clone', flags: 0 },
    ...shell(LINKS('time time_for_children')),
  ];
  const time = namespace(held.pid ?? -1, 'time');
  const ended = await runIn(client, plan, STDIO.pipes);
  assert.equal(ended.stdout, `${time}\n${time}\n`, JSON.stringify(ended));
});

/** unshare(1) forks into it: the plan's own operation needs a whole container. */
async function holderOfTime(t: TestContext): Promise<ChildProcess> {
  const child = spawn('unshare', ['--time', '--monotonic', '1000', 'sleep', '1000'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await eventually('the time namespace', () => {
    const link = namespace(child.pid ?? -1, 'time');
    return (
      link !== readlinkSync('/proc/self/ns/time') &&
      readFileSync(`/proc/${String(child.pid)}/comm`, 'utf8') === 'sleep\n'
    );
  });
  return child;
}

test('a namespace of another type, or none, fails as the operation that it is', async (t) => {
  const { shim, client } = await subscribed(t);
  const before = readdirSync(`/proc/${String(shim.pid)}/fd`).length;
  for (const [first, errno, step] of [
    [birth(NEWUSER, 'self', 'net'), 22, 'setns'],
    [birth(NEWUSER, 'self', 'user'), 22, 'setns'], // its own, user_namespaces(7)
    [birth(NEWNET, 'self', 'missing'), 2, 'open'],
  ] as const) {
    const plan: Operation[] = [birth(NEWUTS, 'self', 'uts'), first, { op: 'clone', flags: 0 }, ...shell('true')];
    const answer = await client.start({ process: 'exec', plan: encodePlan(plan) });
    assert.ok(answer.is === 'failed', JSON.stringify(answer));
    assert.deepEqual([answer.operation, answer.errno, answer.step], [1, errno, step]);
    assert.equal(answer.path, (first as Extract<Operation, { op: 'birth_namespace' }>).host);
  }
  assert.equal(readdirSync(`/proc/${String(shim.pid)}/fd`).length, before);
});

test('a clone that fails in the intermediate is the clone’s failure, and its child’s its own', async (t) => {
  const { client } = await subscribed(t);
  const end = birth(NEWUTS, 'self', 'uts');
  const missing = await runIn(
    client,
    [end, { op: 'clone', flags: 0 }, { op: 'exec', file: '/missing', argv: ['x'] }],
    STDIO.null,
  );
  assert.deepEqual([missing.operation, missing.failed?.errno, missing.failed?.path], ['exec', 2, '/missing']);
  // Nobody can be born any more where the first process has ended.
  const pid = await holder(t, NEWPID);
  const namespace = openSync(`/proc/${String(pid)}/ns/pid`, 'r');
  t.after(() => {
    closeSync(namespace);
  });
  process.kill(pid, 'SIGKILL');
  await eventually('the end of the namespace', () => !alive(pid));
  const plan = [birth(NEWPID, 'self', `../../${String(process.pid)}/fd/${String(namespace)}`), ...shell('true')];
  const second = await subscribed(t);
  const refused = await runIn(second.client, plan.toSpliced(1, 0, { op: 'clone', flags: 0 }), STDIO.null);
  assert.deepEqual([refused.operation, refused.failed?.errno, refused.failed?.step], ['clone', 12, 'clone3']);
});

test('with a shim that is killed goes what was born elsewhere', async (t) => {
  const { shim, client } = await subscribed(t);
  const { pid } = await client.started({
    plan: encodePlan([birth(NEWUTS, 'self', 'uts'), { op: 'clone', flags: 0 }, ...shell('exec sleep 1000')]),
  });
  shim.child.kill('SIGKILL');
  await eventually('the end of the process', () => !alive(Number(pid)));
});
