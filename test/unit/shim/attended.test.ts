/** The attended shim: one connection, the caller's stdio, and an end with the connection. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { PROTOCOL_VERSION, STDIO } from '../../../daemon/shim/messages.ts';
import { Attended } from './attended.ts';
import { PROGRAM, alive, command, eventually, plan, shell } from './shim.ts';

test('it says hello on the connection it was given, and is done with it when that ends', async (t) => {
  const shim = Attended.run(t);
  const hello = await shim.client.until('hello', () => shim.client.received.find(({ is }) => is === 'shim_hello'));
  assert.deepEqual(hello, { is: 'shim_hello', tag: 0, version: PROTOCOL_VERSION, pid: shim.pid });
  shim.client.socket.destroy();
  assert.equal(await shim.ended, 0);
});

test('a process with inherited stdio writes to the stdio of the shim itself', async (t) => {
  const shim = Attended.run(t);
  await shim.client.subscribe();
  await shim.client.started({ stdio: STDIO.inherit, plan: shell('echo out; echo err >&2; exit 4') });
  assert.equal((await shim.client.exited()).code, 4);
  await eventually('the output', () => shim.text() === 'out\n' && shim.text('stderr') === 'err\n');
});

test('it stays in the session of its caller', async (t) => {
  const shim = Attended.run(t);
  await shim.client.until('hello', () => shim.client.received.find(({ is }) => is === 'shim_hello'));
  const session = (pid: number | string): string | undefined =>
    readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .split(') ')
      .at(-1)
      ?.split(' ')[3];
  assert.equal(session(shim.pid), session('self'));
});

test('hanging up ends the shim at once, and with it what was not told to outlive it', async (t) => {
  const shim = Attended.run(t);
  const { pid } = await shim.client.started({ plan: command('/bin/sleep', '1000') });
  await shim.leave();
  await eventually('the end of the process', () => !alive(Number(pid)));
});

test('preserved descriptors are the program’s, and nothing else of the shim', async (t) => {
  const files = ['/dev/null', '/dev/zero'].map((path) => openSync(path, 'r'));
  t.after(() => {
    files.forEach(closeSync);
  });
  const shim = Attended.run(t, { preserve: files });
  const { pid } = await shim.client.started({
    plan: plan([{ op: 'preserve_descriptors', count: 2 }], ['/bin/sleep', '1000']),
  });
  const seen = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((fd) => {
    try {
      return readlinkSync(`/proc/${String(pid)}/fd/${String(fd)}`);
    } catch {
      return '';
    }
  });
  assert.deepEqual(seen, ['/dev/null', '/dev/null', '/dev/null', '/dev/null', '/dev/zero', '', '', '', '', '', '']);
});

test('without the operation preserved descriptors stay in the shim; more than were given are refused', async (t) => {
  const file = openSync('/dev/zero', 'r');
  t.after(() => {
    closeSync(file);
  });
  const shim = Attended.run(t, { preserve: [file] });
  await shim.client.subscribe();
  await shim.client.started({
    process: 'plain',
    stdio: STDIO.inherit,
    plan: shell('[ -e /proc/self/fd/3 ] && exit 1; exit 0'),
  });
  assert.equal((await shim.client.exited('plain')).code, 0);
  const failed = await shim.client.start({
    plan: plan([{ op: 'preserve_descriptors', count: 2 }], ['/bin/true']),
  });
  assert.ok(failed.is === 'failed', JSON.stringify(failed));
  assert.equal(failed.step, 'the shim was not given as many descriptors');
});

test('options that do not go together, or name descriptors that are not there, are refused', () => {
  for (const [args, expected] of [
    [['--connection', '3', '--preserve-fds', '1'], /connection is the first descriptor after/],
    [['--connection', '4'], /connection is the first descriptor after/],
    [['--connection', '3'], /not open/],
    [['--connection', '2'], /not a number/],
    [['--preserve-fds', '-1'], /not a number/],
    [['--connection', '3', '--socket', '/tmp/x'], /usage/],
    [['--version', '--dump-plan', 'x'], /usage/],
    [[], /usage/],
  ] as const) {
    const { status, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8' });
    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, expected, args.join(' '));
  }
});

test('a preserved descriptor that is not open is refused before anything could take its number', () => {
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', 'exec 3<&- 4<&-; exec "$0" "$@"', PROGRAM, '--connection', '4', '--preserve-fds', '1'],
    { encoding: 'utf8' },
  );
  assert.equal(status, 1);
  assert.match(stderr, /not open/);
});

test('a shim that is killed takes with it what was not told to outlive it, at every stop', async (t) => {
  for (const stop of ['run', 'go'] as const) {
    const shim = Attended.run(t);
    const answer = await shim.client.start({
      plan: plan(stop === 'go' ? [{ op: 'await_go' }] : [], ['/bin/sleep', '1000']),
    });
    assert.ok(answer.is === 'started' || answer.is === 'created', JSON.stringify(answer));
    shim.child.kill('SIGKILL');
    await eventually(`the end of the process at ${stop}`, () => !alive(Number(answer.pid)));
  }
});

test('the score for the OOM killer that the caller has is the one its processes get', async (t) => {
  const shim = Attended.run(t, { prefix: ['/bin/sh', '-c', 'echo 321 > /proc/self/oom_score_adj; exec "$0" "$@"'] });
  const file = shim.path('score');
  writeFileSync(file, '');
  await shim.client.subscribe();
  await shim.client.started({ plan: shell(`cat /proc/self/oom_score_adj > ${file}`) });
  await shim.client.exited();
  assert.equal(readFileSync(file, 'utf8'), '321\n');
});

test('the end of a process that outlives the shim is not the shim’s to reap, also where it comes first', async (t) => {
  const shim = Attended.run(t);
  const outlives: Operation = { op: 'outlive_shim' };
  const ended = await shim.client.started({ process: 'ended', plan: plan([outlives], ['/bin/sh', '-c', 'exit 7']) });
  const waiting = await shim.client.expect('created', {
    ...{ is: 'start', tag: 0, process: '', stdio: STDIO.null, flags: 0, log: '', log_max_bytes: 0, log_max_files: 0 },
    ...{ record: '', oom: '', plan: plan([outlives, { op: 'await_go' }], ['/bin/true']) },
  });
  process.kill(Number(waiting.pid), 'SIGKILL');
  for (const { pid } of [ended, waiting]) {
    const isZombieOfShim = (): boolean => {
      const [state, parent] =
        readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
          .split(') ')
          .at(-1)
          ?.split(' ') ?? [];
      return state === 'Z' && Number(parent) === shim.pid;
    };
    await eventually('its end', isZombieOfShim);
    for (let turns = 0; turns < 10; turns++) await shim.client.status();
    assert.ok(isZombieOfShim(), String(pid));
  }
});
