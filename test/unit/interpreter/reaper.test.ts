import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { START_STDIN_OPEN, STDIO } from '../../../daemon/shim/messages.ts';
import { Shim, alive, eventually, type Client } from '../shim/shim.ts';
import {
  COMMON_NAMESPACES,
  MOUNT_DEV,
  MOUNT_PROC,
  NEWPID,
  containerPlan,
  makeRoot,
  nullDevice,
  runScript,
  temporaryDirectory,
} from './container.ts';

const REAPER: Operation = { op: 'reaper' };
const TERMINAL: Operation = { op: 'terminal', rows: 24, columns: 80, console: 0 };
/** Not even root may look where it has no right to. */
const NO_CAPABILITIES: readonly Operation[] = [
  { op: 'bounding_set', capabilities: 0 },
  { op: 'user', uid: 0, gid: 0, groups: [] },
  { op: 'capabilities', effective: 0, permitted: 0, inheritable: 0, ambient: 0 },
];
const SIGNALS = { HUP: 1, INT: 2, QUIT: 3, ABRT: 6, USR1: 10, USR2: 12, TERM: 15, CONT: 18, TSTP: 20, 64: 64 };

interface Running {
  readonly shim: Shim;
  readonly client: Client;
  readonly pid: number;
}

/** A shell's script below a reaper, with proc, a terminal where it is one, and stdin open. */
async function running(
  t: TestContext,
  script: string,
  { terminal = false, namespaces = COMMON_NAMESPACES }: { terminal?: boolean; namespaces?: number } = {},
): Promise<Running> {
  const directory = temporaryDirectory(t);
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  await client.attach();
  const plan = containerPlan({
    root: makeRoot(join(directory, 'root')),
    at,
    namespaces,
    mounts: [...(namespaces & NEWPID ? [MOUNT_PROC] : []), ...MOUNT_DEV, nullDevice()],
    late: [...(terminal ? [TERMINAL] : []), ...NO_CAPABILITIES, REAPER],
    argv: ['sh', '-c', script],
  });
  const stdio = terminal ? STDIO.terminal : STDIO.pipes;
  const answer = await client.started({ plan: encodePlan(plan), stdio, flags: START_STDIN_OPEN });
  return { shim, client, pid: Number(answer.pid) };
}

test('the program is a child of process 1, whose exit code is its own', async (t) => {
  const mounts = [MOUNT_PROC];
  const seen = await runScript(t, 'echo $$ $PPID; exit 7', { mounts, late: [REAPER] });
  assert.deepEqual([seen.stdout, seen.stderr, seen.code, seen.signal], ['2 1\n', '', 7, 0]);
  for (const [signal, number] of [
    ['KILL', 9],
    ['TERM', 15],
    ['64', 64],
  ] as const) {
    const { code, signal: own } = await runScript(t, `kill -${signal} $$; sleep 1000`, { mounts, late: [REAPER] });
    assert.deepEqual([code, own], [128 + number, 0], signal);
  }
});

test('what cannot be executed is told as without it, and nothing stays behind', async (t) => {
  const { failed, operation } = await runScript(t, '', { mounts: [MOUNT_PROC], late: [REAPER], argv: ['missing'] });
  assert.deepEqual([operation, failed?.errno, failed?.step], ['exec', 2, 'execve']);
});

test('a program that is killed before it is one has not been started', async (t) => {
  const directory = temporaryDirectory(t);
  const at = join(directory, 'mnt');
  mkdirSync(at);
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const root = makeRoot(join(directory, 'root'));
  const plan = containerPlan({ root, at, late: [REAPER, { op: 'await_go' }], argv: ['sleep', '1000'] });
  const created = await client.start({ plan: encodePlan(plan), stdio: STDIO.null });
  assert.ok(created.is === 'created', JSON.stringify(created));
  const pid = Number(created.pid);
  const child = Number(readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8'));
  process.kill(child, 'SIGKILL');
  await eventually('it is dead', () => !alive(child));
  const answer = await client.expect('failed', { is: 'go', tag: 0, process: '' });
  assert.deepEqual([answer.operation, answer.step], [-1, 'the program was killed before execve']);
  await eventually('so is process 1', () => !alive(pid));
});

test('every signal that can be caught comes through', async (t) => {
  const traps = Object.keys(SIGNALS).map((name) => `trap 'echo ${name}' ${name}`);
  const { client } = await running(t, `${traps.join('; ')}; echo ready; while ! read line; do :; done; exit 3`);
  await client.sees('ready\n');
  for (const [name, signal] of Object.entries(SIGNALS)) {
    await client.expect('ok', { is: 'signal', tag: 0, process: '', signal });
    await client.sees(`\n${name}\n`);
  }
  client.stdin('end\n');
  const { code, signal } = await client.exited();
  assert.deepEqual([code, signal], [3, 0]);
});

test('a program that has no handler ends of the signal, as it does anywhere but as process 1', async (t) => {
  const { client } = await running(t, 'echo ready; exec sleep 1000');
  await client.sees('ready\n');
  await client.expect('ok', { is: 'signal', tag: 0, process: '', signal: SIGNALS.TERM });
  assert.equal((await client.exited()).code, 143);
});

test('orphans are reaped, and end with the program', async (t) => {
  const orphans = 'for i in $(seq 50); do (true &); done; (sleep 1000 & echo last $!)';
  const { client, pid } = await running(t, `${orphans.replace('seq', 'busybox seq')}; read line; exit 0`);
  await client.sees(/last \d+\n/);
  const children = (): string[] =>
    readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
      .trim()
      .split(' ');
  await eventually('two are left: the program and the sleeper', () => children().length === 2);
  const left = children().map(Number);
  client.stdin('\n');
  assert.equal((await client.exited()).code, 0);
  for (const each of left) await eventually('gone', () => !alive(each));
});

test('the program has the terminal, and its keys reach it and not process 1', async (t) => {
  const { client } = await running(t, "trap 'echo INT' INT; cat /proc/$$/stat; echo ready; read a; read a; exit 4", {
    terminal: true,
  });
  const stat = (await client.sees('ready\r\n')).split('\r\n')[0]?.split(') ')[1]?.split(' ') ?? [];
  const [, parent, group, session, , foreground] = stat;
  assert.deepEqual([parent, group, session, foreground], ['1', '2', '1', '2']);
  client.stdin('\x03');
  await client.sees('INT\r\n');
  client.stdin('x\ny\n');
  assert.equal((await client.exited()).code, 4);
});

test('process 1 says nothing of the host, cannot be looked into, and has nothing open', async (t) => {
  const { client, pid } = await running(
    t,
    `cat /proc/1/comm /proc/1/cmdline; echo
     for link in exe root cwd ns/mnt fd/0 fd/1 fd/2; do readlink /proc/1/$link && echo readable; done
     for file in environ maps mem auxv; do cat /proc/1/$file && echo readable; done
     echo ready; read line`,
  );
  await client.sees('ready\n');
  assert.equal(client.text().replaceAll('\0', '|'), 'tare-init\ntare-init|\nready\n');
  await eventually('all is closed', () => readdirSync(`/proc/${String(pid)}/fd`).length === 0);
  assert.match(readFileSync(`/proc/${String(pid)}/status`, 'utf8'), /^Name:\ttare-init$/m);
  client.stdin('\n');
  await client.exited();
});

test('in the pid namespace of others it reaps its own, and ends with its shim', async (t) => {
  const { shim, client, pid } = await running(t, '(sleep 1000 & echo orphan); exec sleep 1000', {
    namespaces: COMMON_NAMESPACES & ~NEWPID,
  });
  await client.sees('orphan\n');
  const children = (): number[] =>
    readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
  await eventually('the orphan is its child', () => children().length === 2);
  const [program = 0, orphan = 0] = children();
  shim.child.kill('SIGKILL');
  await eventually('both have ended', () => !alive(pid) && !alive(program));
  process.kill(orphan, 'SIGKILL');
});
