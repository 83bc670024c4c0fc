/** containerd's shim over the runtime, driven by `ctr`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../harness/daemon.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';
import { Containerd } from './containerd.ts';
import { IMAGE } from './image.ts';

let ctr: Containerd;
before(async () => {
  ctr = await Containerd.open();
});
after(() => ctr.close());

test('run --rm: both streams, stdin and the exit code; nothing stays', async () => {
  const { code, stdout, stderr } = await ctr.run(
    ...ctr.runArguments('once', '--rm'),
    'sh',
    '-c',
    'echo out; echo err >&2; exit 42',
  );
  assert.deepEqual([code, stdout, stderr], [42, 'out\n', 'err\n']);
  const counted = await run(ctr.command, [...ctr.runArguments('count', '--rm'), 'wc', '-c'], {
    input: 'x'.repeat(300_000),
  });
  assert.equal(counted.stdout.trim(), '300000');
  assert.equal(await ctr.must('tasks', 'list', '--quiet'), '');
  assert.equal(await ctr.must('containers', 'list', '--quiet'), '');
});

test('run: a program that is not there is named, and nothing stays', async () => {
  const { code, stderr } = await ctr.run(...ctr.runArguments('missing', '--rm'), 'no-such-program');
  assert.equal(code, 1);
  assert.match(stderr, /no-such-program.*not found/);
  assert.equal(await ctr.must('tasks', 'list', '--quiet'), '');
});

test('run --rootfs: a folder in place of an image', async () => {
  const words = ctr.runArguments('folder', '--rm', '--read-only', '--rootfs');
  const folder = join(ctr.room.folder, 'rootfs');
  const { code, stdout } = await ctr.run(
    ...words.map((word) => (word === IMAGE ? folder : word)),
    '/bin/sh',
    '-c',
    'touch /made; echo $?',
  );
  assert.deepEqual([code, stdout], [0, '1\n']);
});

test('run -t: a terminal of the size of the one outside, which it follows', async () => {
  const terminal = new Terminal(ctr.room.folder, { columns: 100, rows: 30 }, {});
  try {
    terminal.line(
      `clear; ${[ctr.command, ...ctr.runArguments('terminal', '--rm', '-t')].join(' ')} sh; echo "co""de $?"`,
    );
    await terminal.shows(/^\/ # $/m);
    terminal.line('test -t 0 && test -t 2 && echo "is a" "terminal"');
    await terminal.shows(/^is a terminal$/m);
    terminal.resize(120, 40);
    await until('the size follows', () => {
      terminal.line('stty size');
      return /^40 120$/m.test(terminal.screen());
    });
    terminal.line('exit 43');
    await terminal.shows(/^code 43$/m);
  } finally {
    await terminal.close();
  }
});

test('a task: exec, ps, metrics, pause, resume, kill, delete', async () => {
  await ctr.idle('task', '--memory-limit', String(64 << 20));
  assert.equal(await ctr.status('task'), 'RUNNING');

  const exec = ['tasks', 'exec', '--exec-id', 'one'];
  const seen = await ctr.run(...exec, '--user', '1000:1000', '--cwd', '/tmp', 'task', 'sh', '-c', 'id -u; pwd; exit 6');
  assert.deepEqual([seen.code, seen.stdout], [6, '1000\n/tmp\n']);
  const missing = await ctr.run(...exec, 'task', 'no-such-program');
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /no-such-program.*not found/);

  const pid = await ctr.pid('task');
  await ctr.must('tasks', 'exec', '--detach', '--exec-id', 'two', 'task', 'sleep', '1001');
  const pids = (await ctr.must('tasks', 'ps', 'task'))
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(/\s+/)[0]));
  assert.equal(pids.length, 2);
  assert.ok(pids.includes(pid));
  await ctr.must('tasks', 'kill', '--exec-id', 'two', '--signal', 'SIGKILL', 'task');

  interface Metrics {
    readonly memory: { readonly usage: { readonly usage: number; readonly limit: number } };
    readonly pids: { readonly current: number };
  }
  const metrics = JSON.parse(await ctr.must('tasks', 'metrics', '--format', 'json', 'task')) as Metrics;
  assert.equal(metrics.memory.usage.limit, 64 << 20);
  assert.ok(metrics.pids.current >= 1);

  const frozen = () => readFileSync(join(ctr.room.groupIn('freezer'), 'task/freezer.state'), 'utf8').trim();
  await ctr.must('tasks', 'pause', 'task');
  assert.equal(await ctr.status('task'), 'PAUSED');
  // crun does not wait until the kernel is done with it.
  await until('it is frozen', () => frozen() === 'FROZEN');
  await ctr.must('tasks', 'resume', 'task');
  assert.deepEqual([await ctr.status('task'), frozen()], ['RUNNING', 'THAWED']);

  assert.equal(await ctr.end('task'), 137);
  assert.equal(await ctr.status('task'), undefined);
});

test('kill: a signal by name, and --all', async () => {
  const trap = 'trap "exit 9" TERM; while :; do sleep 0.05; done';
  await ctr.must(...ctr.runArguments('signal', '--detach'), 'sh', '-c', trap);
  // The trap is set once the loop has begun.
  await until('the loop runs', async () => (await inside('signal', 'ps -o args')).includes('sleep'));
  assert.equal(await ctr.end('signal', 'SIGTERM'), 9);
  await ctr.idle('all');
  await ctr.must('tasks', 'kill', '--all', '--signal', 'SIGKILL', 'all');
  await until('it stops', async () => (await ctr.status('all')) === 'STOPPED');
  await ctr.run('tasks', 'delete', 'all');
  await ctr.must('containers', 'delete', 'all');
});

let execs = 0;

/** What a shell script prints in a running task. */
function inside(name: string, script: string): Promise<string> {
  return ctr.must('tasks', 'exec', '--exec-id', `inside-${++execs}`, name, 'sh', '-c', script);
}

test('what ctr asks for: limits, devices, mounts, user namespace, no new privileges', async () => {
  const options = [
    '--memory-limit',
    String(32 << 20),
    '--cpu-quota',
    '50000',
    '--cpu-period',
    '100000',
    '--cpu-shares',
    '512',
  ];
  await ctr.idle(
    'limited',
    ...options,
    '--device',
    '/dev/fuse',
    '--mount',
    `type=bind,src=${ctr.room.folder},dst=/mnt,options=rbind:ro`,
  );
  const group = (controller: string, file: string) =>
    readFileSync(join(ctr.room.groupIn(controller), 'limited', file), 'utf8').trim();
  assert.deepEqual(
    [group('memory', 'memory.limit_in_bytes'), group('cpu', 'cpu.cfs_quota_us'), group('cpu', 'cpu.shares')],
    [String(32 << 20), '50000', '512'],
  );
  assert.equal(
    await inside('limited', 'stat -c %t:%T /dev/fuse; touch /mnt/made 2>/dev/null || echo refused'),
    'a:e5\nrefused',
  );
  assert.equal(await inside('limited', 'grep ^NoNewPrivs: /proc/self/status'), 'NoNewPrivs:\t1');
  await ctr.end('limited');

  const mapped = await ctr.run(
    ...ctr.runArguments('mapped', '--rm', '--uidmap', '0:100000:1000', '--gidmap', '0:100000:1000'),
    'cat',
    '/proc/self/uid_map',
  );
  assert.deepEqual(mapped.stdout.trim().split(/\s+/), ['0', '100000', '1000']);
});

test('the shim ends with its task', async () => {
  assert.equal(await ctr.must('tasks', 'list', '--quiet'), '');
  await until('no shim is left', async () => (await ctr.room.run('pgrep', '-f', 'containerd-shim')).stdout === '');
});
