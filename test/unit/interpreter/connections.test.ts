/** `connect`: the terminal for a console socket, and the listener of a seccomp filter for its agent. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CONNECT_PURPOSES, type Operation } from '../../../daemon/runtime/plan/operations.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { eventually } from '../shim/shim.ts';
import {
  MOUNT_DEV,
  MOUNT_PROC,
  containerPlan,
  makeRoot,
  runPlan,
  temporaryDirectory,
  type PlanOptions,
} from './container.ts';
import { VERDICT, allBut } from './filters.ts';

const TERMINAL: Operation = { op: 'terminal', rows: 25, columns: 80, console: 1 };

interface Receiver {
  readonly socket: string;
  /** All that it has said after "ready", once it ended. */
  readonly said: () => Promise<string>;
}

async function receiver(t: TestContext, directory: string, kind: 'console' | 'listener'): Promise<Receiver> {
  const program = join(directory, 'receiver');
  execFileSync('cc', ['-Wall', '-Wextra', '-Werror', '-o', program, join(import.meta.dirname, 'receiver.c')]);
  const socket = join(directory, 'receiver.sock');
  const child = spawn(program, [socket, kind], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const closed = once(child, 'close');
  await eventually('the receiver', () => text.includes('ready\n'));
  return {
    socket,
    said: async () => {
      assert.deepEqual(await closed, [0, null]);
      return text.slice('ready\n'.length);
    },
  };
}

function scene(t: TestContext): { directory: string; plan: (options: Partial<PlanOptions>) => Operation[] } {
  const directory = temporaryDirectory(t);
  const root = makeRoot(join(directory, 'root'));
  return { directory, plan: (options) => containerPlan({ root, at: root, argv: ['true'], ...options }) };
}

function connect(purpose: keyof typeof CONNECT_PURPOSES, host: string): Operation {
  return { op: 'connect', purpose: CONNECT_PURPOSES[purpose], host };
}

test('a console socket is sent the master and the name of the terminal, and the shim has none', async (t) => {
  const { directory, plan } = scene(t);
  const { socket, said } = await receiver(t, directory, 'console');
  const operations = [
    connect('console', socket),
    ...plan({ mounts: [MOUNT_PROC, ...MOUNT_DEV, TERMINAL], argv: ['sh', '-c', 'tty; stty size; ls /proc/self/fd'] }),
  ];
  const ended = await runPlan(t, operations, STDIO.null);
  assert.equal(ended.code, 0, JSON.stringify(ended.failed));
  assert.equal(await said(), '/dev/pts/0\n/dev/pts/0\r\n25 80\r\n0  1  2  3\r\n');
});

test('a connection that is not taken fails as connect', async (t) => {
  const { directory, plan } = scene(t);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  for (const [path, errno, step] of [
    [join(directory, 'none'), 2, 'connect'],
    [file, 111, 'connect'],
    [`/${'x'.repeat(108)}`, 36, 'socket'],
  ] as const) {
    const { operation, failed } = await runPlan(t, [connect('console', path), ...plan({})]);
    assert.deepEqual([operation, failed?.errno, failed?.step, failed?.path], ['connect', errno, step, path]);
  }
});

test(
  'a seccomp agent is sent the listener with the state, and answers for the program',
  { skip: process.arch !== 'x64' },
  async (t) => {
    const { directory, plan } = scene(t);
    const { socket, said } = await receiver(t, directory, 'listener');
    const [MKDIR, NEW_LISTENER] = [83, 8];
    const operations = [
      connect('seccomp_listener', socket),
      ...plan({
        mounts: [MOUNT_PROC],
        late: [
          { op: 'working_directory', path: '/tmp', create: 0 },
          {
            op: 'seccomp_notify',
            filter: allBut(MKDIR, VERDICT.notify),
            flags: NEW_LISTENER,
            state: ['{"pid":', ',"again":', '}'],
          },
        ],
        argv: ['sh', '-c', 'mkdir x; readlink /proc/self/fd/3; true'],
      }),
    ];
    const ended = await runPlan(t, operations);
    assert.match(ended.stderr, /Invalid cross-device link/, JSON.stringify(ended.failed));
    const [state = '', call] = (await said()).trim().split('\n');
    const { pid, again } = JSON.parse(state) as { pid: number; again: number };
    assert.ok(pid > 1 && pid === again, state);
    assert.equal(call, `call ${String(MKDIR)}`);
    assert.equal(ended.stdout, '', 'neither listener nor connection is left');
  },
);

test('a listener that there is nobody for fails as seccomp_notify', { skip: process.arch !== 'x64' }, async (t) => {
  const { plan } = scene(t);
  const notify: Operation = { op: 'seccomp_notify', filter: allBut(83, VERDICT.notify), flags: 8, state: ['x'] };
  const { operation, failed } = await runPlan(t, plan({ late: [notify] }));
  assert.deepEqual([operation, failed?.errno, failed?.step], ['seccomp_notify', 9, 'sendmsg of the seccomp listener']);
});
