/** podman over the runtime: the life of a container as podman tells it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../harness/daemon.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';
import { IMAGE } from './image.ts';
import { Podman } from './podman.ts';

let podman: Podman;
before(async () => {
  podman = await Podman.open();
});
after(() => podman.close());

test('run: both streams, the exit code, and 128 + signal', async () => {
  const ended = await podman.run('run', '--rm', IMAGE, 'sh', '-c', 'echo out; echo err >&2; exit 42');
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [42, 'out\n', 'err\n']);
  const killed = await podman.run('run', '--rm', IMAGE, 'sh', '-c', 'sh -c "kill -TERM \\$\\$"; exit $?');
  assert.equal(killed.code, 143);
});

test('run: 125 for podman itself, 126 for what cannot be executed, 127 for what is not there', async () => {
  const codes = async (...args: string[]) => (await podman.run('run', '--rm', ...args)).code;
  assert.equal(await codes('--no-such-flag', IMAGE, 'true'), 125);
  for (const program of ['/etc/passwd', '/etc']) assert.equal(await codes(IMAGE, program), 126, program);
  for (const program of ['no-such-program', '/no/such/program'])
    assert.equal(await codes(IMAGE, program), 127, program);
  const { stderr } = await podman.run('run', '--rm', IMAGE, 'no-such-program');
  assert.match(stderr, /no-such-program/);
});

test('run -i: stdin reaches the program, and its end too', async () => {
  const { stdout } = await run(podman.command, podman.arguments(['run', '--rm', '-i', IMAGE, 'wc', '-c']), {
    input: 'x'.repeat(300_000),
  });
  assert.equal(stdout.trim(), '300000');
});

test('run -t and exec -t: a terminal of the size of the one outside, which it follows', async () => {
  const terminal = new Terminal(podman.room.folder, { columns: 100, rows: 30 }, {});
  /** One session in the container: it begins with the size outside and follows it; its end is the shell's. */
  const session = async (code: number, size: { columns: number; rows: number }, ...args: string[]) => {
    const command = [podman.command, ...podman.arguments(args)].join(' ');
    terminal.line(`clear; ${command}; echo "co""de $?"`);
    await terminal.shows(/^\/ # $/m);
    terminal.line('tty; test -t 2 && echo "is a" "terminal"');
    await terminal.shows(/^\/dev\/(pts\/\d|console)\nis a terminal$/m);
    terminal.resize(size.columns, size.rows);
    await until('the size follows', () => {
      terminal.line('stty size');
      return new RegExp(`^${size.rows} ${size.columns}$`, 'm').test(terminal.screen());
    });
    terminal.line(`exit ${code}`);
    await terminal.shows(new RegExp(`^code ${code}$`, 'm'));
  };
  try {
    await podman.idle('terminal');
    await session(42, { columns: 120, rows: 40 }, 'run', '--rm', '-it', IMAGE, 'sh');
    await session(43, { columns: 90, rows: 25 }, 'exec', '-it', 'terminal', 'sh');
  } finally {
    await terminal.close();
    await podman.must('rm', '-f', 'terminal');
  }
});

test('exec: user, groups, folder, environment, stdin, exit codes', async () => {
  await podman.idle('exec');
  const options = ['-u', 'alice', '-w', '/tmp', '-e', 'COLOUR=green'];
  const seen = await podman.must('exec', ...options, 'exec', 'sh', '-c', 'id -u; id -G; pwd; echo $COLOUR');
  assert.deepEqual(seen.split('\n'), ['1000', '1000 10', '/tmp', 'green']);
  const exec = async (...command: string[]) => (await podman.run('exec', 'exec', ...command)).code;
  assert.equal(await exec('sh', '-c', 'exit 7'), 7);
  assert.equal(await exec('sh', '-c', 'kill -9 $$'), 137);
  assert.equal(await exec('/etc/passwd'), 126);
  assert.equal(await exec('no-such-program'), 127);
  const { stdout } = await run(podman.command, ['exec', '-i', 'exec', 'cat'], { input: 'through and through' });
  assert.equal(stdout, 'through and through');
  const streams = await podman.run('exec', 'exec', 'sh', '-c', 'echo out; echo err >&2');
  assert.deepEqual([streams.stdout, streams.stderr], ['out\n', 'err\n']);
  // As all that runs in the container it is in the container's groups, and sees what init sees.
  assert.match(await podman.must('exec', 'exec', 'cat', '/proc/self/cgroup'), /:memory:.*\/libpod-/);
  assert.equal(
    await podman.must(
      'exec',
      'exec',
      'sh',
      '-c',
      'for pid in 1 self; do readlink /proc/$pid/ns/mnt; done | uniq | wc -l',
    ),
    '1',
  );
  await podman.must('rm', '-f', 'exec');
});

test('exec --detach runs on its own', async () => {
  await podman.idle('detached');
  await podman.must('exec', '--detach', 'detached', 'sh', '-c', 'echo done > /tmp/marker');
  await until(
    'it has run',
    async () => (await podman.run('exec', 'detached', 'cat', '/tmp/marker')).stdout === 'done\n',
  );
  await podman.must('rm', '-f', 'detached');
});

test('create, init, start --attach, wait: each does its part', async () => {
  await podman.must('create', '--name', 'steps', IMAGE, 'sh', '-c', 'echo ran; exit 5');
  assert.deepEqual([(await podman.state('steps')).Status, (await podman.state('steps')).Pid], ['created', 0]);
  await podman.must('init', 'steps');
  const { Status, Pid } = await podman.state('steps');
  assert.equal(Status, 'initialized');
  assert.ok(Pid > 1);
  const { code, stdout } = await podman.run('start', '--attach', 'steps');
  assert.deepEqual([code, stdout], [5, 'ran\n']);
  assert.equal(await podman.must('wait', 'steps'), '5');
  const { Running, ExitCode, Pid: after } = await podman.state('steps');
  assert.deepEqual([Running, ExitCode, after], [false, 5, 0]);
  await podman.must('rm', 'steps');
});

test('stop: SIGTERM first, SIGKILL when the time is over', async () => {
  await podman.must(
    'run',
    '-d',
    '--name',
    'polite',
    IMAGE,
    'sh',
    '-c',
    'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done',
  );
  await podman.idle('deaf');
  await until('the trap is set', async () => (await podman.must('logs', 'polite')) === 'up');
  await podman.must('stop', '-t', '60', 'polite');
  await podman.must('stop', '-t', '1', 'deaf');
  assert.equal((await podman.state('polite')).ExitCode, 9);
  assert.equal((await podman.state('deaf')).ExitCode, 137);
  await podman.must('rm', 'polite', 'deaf');
});

test('kill: a signal by name reaches init; KILL ends it', async () => {
  await podman.must(
    'run',
    '-d',
    '--name',
    'signal',
    IMAGE,
    'sh',
    '-c',
    'trap "echo usr1" USR1; echo up; while :; do sleep 0.05; done',
  );
  await until('the trap is set', async () => (await podman.must('logs', 'signal')) === 'up');
  await podman.must('kill', '--signal', 'USR1', 'signal');
  await until('the trap has run', async () => (await podman.must('logs', 'signal')).includes('usr1'));
  await podman.must('kill', 'signal');
  await podman.has('signal', 'exited');
  assert.equal((await podman.state('signal')).ExitCode, 137);
  await podman.must('rm', 'signal');
});

test('pause freezes and unpause thaws', async () => {
  await podman.idle('pause');
  const { Pid } = await podman.state('pause');
  await podman.must('pause', 'pause');
  const { Status, Paused } = await podman.state('pause');
  assert.deepEqual([Status, Paused], ['paused', true]);
  const group = /:freezer:(.*)$/m.exec(readFileSync(podman.room.outside(`/proc/${Pid}/cgroup`), 'utf8'))?.[1] ?? '';
  const frozen = () => readFileSync(join('/sys/fs/cgroup/freezer', group, 'freezer.state'), 'utf8').trim();
  await until('it is frozen', () => frozen() === 'FROZEN');
  assert.equal((await podman.run('exec', 'pause', 'true')).code, 255);
  await podman.must('unpause', 'pause');
  assert.equal(frozen(), 'THAWED');
  await podman.must('exec', 'pause', 'true');
  // One that is frozen can be removed all the same.
  await podman.must('pause', 'pause');
  await podman.must('rm', '-f', 'pause');
});

test('logs, top, stats: of one that runs', async () => {
  await podman.must('run', '-d', '--name', 'watched', IMAGE, 'sh', '-c', 'echo one; echo two >&2; exec sleep 1000');
  await until('it has spoken', async () => (await podman.run('logs', 'watched')).stderr.includes('two'));
  const { stdout, stderr } = await podman.run('logs', 'watched');
  assert.deepEqual([stdout, stderr], ['one\n', 'two\n']);
  assert.match(await podman.must('top', 'watched', 'pid', 'user', 'args'), /^1 +root +sleep 1000 *$/m);
  // Columns that podman does not read itself are those of a ps in the container.
  const stats = JSON.parse(await podman.must('stats', '--no-stream', '--format', 'json', 'watched')) as Record<
    string,
    string
  >[];
  assert.deepEqual([stats.length, stats[0]?.name, stats[0]?.pids], [1, 'watched', '1']);
  assert.match(stats[0]?.mem_usage ?? '', /^[1-9][\d.]*[kM]B \/ /);
  await podman.must('rm', '-f', 'watched');
});

test('cp: in and out, of one that runs and one that does not', async () => {
  await podman.idle('cp');
  const inside = join(podman.room.folder, 'in.txt');
  const outside = join(podman.room.folder, 'out.txt');
  writeFileSync(inside, 'from outside\n');
  await podman.must('cp', inside, 'cp:/tmp/in.txt');
  assert.equal(await podman.must('exec', 'cp', 'cat', '/tmp/in.txt'), 'from outside');
  await podman.must('exec', 'cp', 'sh', '-c', 'echo from inside > /tmp/out.txt');
  await podman.must('cp', 'cp:/tmp/out.txt', outside);
  assert.equal(readFileSync(outside, 'utf8'), 'from inside\n');
  await podman.must('kill', 'cp');
  await podman.has('cp', 'exited');
  await podman.must('cp', 'cp:/tmp/in.txt', outside);
  assert.equal(readFileSync(outside, 'utf8'), 'from outside\n');
  await podman.must('rm', 'cp');
});

test('a health check: unhealthy, then healthy', async () => {
  // No timer: podman's would be systemd's.
  await podman.idle(
    'health',
    '--health-cmd',
    'test -e /tmp/well',
    '--health-interval',
    'disable',
    '--health-retries',
    '1',
  );
  assert.equal((await podman.run('healthcheck', 'run', 'health')).code, 1);
  assert.equal((await podman.state('health')).Health.Status, 'unhealthy');
  await podman.must('exec', 'health', 'touch', '/tmp/well');
  await podman.must('healthcheck', 'run', 'health');
  assert.equal((await podman.state('health')).Health.Status, 'healthy');
  await podman.must('rm', '-f', 'health');
});

test('restart, and the policy that restarts', async () => {
  await podman.idle('again');
  const before = (await podman.state('again')).Pid;
  await podman.must('restart', '-t', '0', 'again');
  const { Status, Pid } = await podman.state('again');
  assert.equal(Status, 'running');
  assert.notEqual(Pid, before);
  await podman.must('rm', '-f', 'again');

  const { code } = await podman.run(
    'run',
    '--name',
    'policy',
    '--restart',
    'on-failure:2',
    IMAGE,
    'sh',
    '-c',
    'echo x; exit 4',
  );
  assert.equal(code, 4);
  await until(
    'it has given up',
    async () =>
      (await podman.must('inspect', '--format', '{{.RestartCount}} {{.State.Status}}', 'policy')) === '2 exited',
  );
  assert.equal(await podman.must('logs', 'policy'), 'x\nx\nx');
  await podman.must('rm', 'policy');
});

test('eight at once, and nothing of them stays', async () => {
  const ends = await Promise.all(
    Array.from({ length: 8 }, (_, at) => podman.run('run', '--rm', IMAGE, 'sh', '-c', `echo ${at}; exit ${at}`)),
  );
  assert.deepEqual(
    ends.map(({ code, stdout }) => [code, stdout]),
    ends.map((_, at) => [at, `${at}\n`]),
  );
  assert.equal(await podman.must('ps', '--all', '--quiet'), '');
  assert.equal(
    (
      await podman.room.run(
        'sh',
        '-c',
        'pgrep conmon; ls /run/tare-oci /run/runc /run/crun 2>/dev/null | grep -E "[0-9a-f]{64}"',
      )
    ).stdout,
    '',
  );
});
