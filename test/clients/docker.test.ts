/** dockerd over the runtime, as its runtime "tare". */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { START_LOG_JSON, STDIO } from '../../daemon/shim/messages.ts';
import { run } from '../harness/daemon.ts';
import { ESCAPES_SCRIPT, record, timeless } from '../harness/json-log.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';
import { Shim, shell } from '../unit/shim/shim.ts';
import { Dockerd } from './dockerd.ts';
import { IMAGE } from './image.ts';
import { needs } from './runtime.ts';

let docker: Dockerd;
before(async () => {
  docker = await Dockerd.open();
});
after(() => docker.close());

const V1 = '/sys/fs/cgroup';

describe('run and exec', () => {
  test('run --runtime tare: both streams, stdin, the exit code', async () => {
    const words = ['run', '--rm', '--runtime', 'tare', IMAGE];
    const ended = await docker.run(...words, 'sh', '-c', 'echo out; echo err >&2; exit 42');
    assert.deepEqual([ended.code, ended.stdout, ended.stderr], [42, 'out\n', 'err\n']);
    const input = 'x'.repeat(300_000);
    const counted = await run(docker.command, ['run', '--rm', '-i', IMAGE, 'wc', '-c'], { input });
    assert.equal(counted.stdout.trim(), '300000');
  });

  test('126 for what cannot be executed', needs('words of dockerd'), async () => {
    for (const program of ['/etc/passwd', '/etc'])
      assert.equal((await docker.run('run', '--rm', IMAGE, program)).code, 126, program);
  });

  test('127 for what is not there', needs('words of dockerd'), async () => {
    for (const program of ['no-such-program', '/no/such/program']) {
      const { code, stderr } = await docker.run('run', '--rm', IMAGE, program);
      assert.equal(code, 127, program);
      assert.match(stderr, new RegExp(program));
    }
  });

  test('exec: user, groups, folder, environment, stdin, exit codes', async () => {
    await docker.idle('exec');
    const options = ['-u', 'alice', '-w', '/tmp', '-e', 'COLOUR=green'];
    const seen = await docker.must('exec', ...options, 'exec', 'sh', '-c', 'id -u; id -g; pwd; echo $COLOUR');
    assert.deepEqual(seen.split('\n'), ['1000', '1000', '/tmp', 'green']);
    assert.equal((await docker.run('exec', 'exec', 'sh', '-c', 'exit 7')).code, 7);
    assert.equal((await docker.run('exec', 'exec', 'no-such-program')).code, 126);
    const { stdout } = await run(docker.command, ['exec', '-i', 'exec', 'cat'], { input: 'through and through' });
    assert.equal(stdout, 'through and through');
    await docker.must('rm', '-f', 'exec');
  });

  test('run -t and exec -t: a terminal of the size of the one outside, which it follows', async () => {
    const terminal = new Terminal(docker.room.folder, { columns: 100, rows: 30 }, {});
    const session = async (code: number, size: { columns: number; rows: number }, ...args: string[]) => {
      terminal.line(`clear; ${[docker.command, ...args].join(' ')}; echo "co""de $?"`);
      await terminal.shows(/^\/ # $/m);
      terminal.line('test -t 0 && test -t 2 && echo "is a" "terminal"');
      await terminal.shows(/^is a terminal$/m);
      terminal.resize(size.columns, size.rows);
      await until('the size follows', () => {
        terminal.line('stty size');
        return new RegExp(`^${size.rows} ${size.columns}$`, 'm').test(terminal.screen());
      });
      terminal.line(`exit ${code}`);
      await terminal.shows(new RegExp(`^code ${code}$`, 'm'));
    };
    try {
      await docker.idle('terminal');
      await session(42, { columns: 120, rows: 40 }, 'run', '--rm', '-it', IMAGE, 'sh');
      await session(43, { columns: 90, rows: 25 }, 'exec', '-it', 'terminal', 'sh');
    } finally {
      await terminal.close();
      await docker.must('rm', '-f', 'terminal');
    }
  });

  test('--init: docker-init is the first process and reaps', async () => {
    assert.match((await docker.lines(['--init'], 'cat /proc/1/comm'))[0] ?? '', /docker-init/);
  });

  test('cp, logs', async () => {
    await docker.must('run', '-d', '--name', 'cp', IMAGE, 'sh', '-c', 'echo out; echo err >&2; exec sleep 1000');
    await until('it has spoken', async () => (await docker.run('logs', 'cp')).stderr === 'err\n');
    assert.equal((await docker.run('logs', 'cp')).stdout, 'out\n');
    const [inside, outside] = [join(docker.room.folder, 'in.txt'), join(docker.room.folder, 'out.txt')];
    writeFileSync(inside, 'from outside\n');
    await docker.must('cp', inside, 'cp:/tmp/in.txt');
    assert.equal(await docker.must('exec', 'cp', 'cat', '/tmp/in.txt'), 'from outside');
    await docker.must('cp', 'cp:/tmp/in.txt', outside);
    assert.equal(readFileSync(outside, 'utf8'), 'from outside\n');
    await docker.must('rm', '-f', 'cp');
  });
});

test('its json-file has what the shim writes of the same output', needs('words of dockerd'), async (t) => {
  const zeros = (count: number): string => `head -c ${String(count)} /dev/zero`;
  const script = [ESCAPES_SCRIPT, 'echo', `${zeros(40_000)}; echo`, `${zeros(16_384)}; echo; printf end`].join('; ');
  const options = ['--log-driver', 'json-file', '--name', 'logged'];
  await docker.must('run', ...options, IMAGE, 'sh', '-c', `${script}; echo err >&2`);
  const path = await docker.must('inspect', '--format', '{{.LogPath}}', 'logged');
  const theirs = await until('the last line is written', async () => {
    const lines = timeless((await docker.room.run('cat', path)).stdout);
    return lines.includes(record('err\\n', 'stderr')) && lines.includes(record('end')) && lines;
  });
  await docker.must('rm', 'logged');
  const shim = await Shim.run(t);
  const client = await shim.client().subscribe();
  const log = shim.path('x-json.log');
  await client.started({ stdio: STDIO.pipes, flags: START_LOG_JSON, plan: shell(`${script}; echo err >&2`), log });
  await client.exited();
  assert.deepEqual(timeless(readFileSync(log, 'utf8')).sort(), [...theirs].sort());
});

describe('life', () => {
  test('pause and unpause; one that is frozen can be removed', async () => {
    await docker.idle('pause');
    await docker.must('pause', 'pause');
    const { Status, Paused } = await docker.state('pause');
    assert.deepEqual([Status, Paused], ['paused', true]);
    assert.equal((await docker.run('exec', 'pause', 'true')).code, 1);
    await docker.must('unpause', 'pause');
    await docker.must('exec', 'pause', 'true');
    await docker.must('pause', 'pause');
    await docker.must('rm', '-f', 'pause');
  });

  test('stop: SIGTERM first, SIGKILL when the time is over; kill by name', async () => {
    const script = 'trap "exit 9" TERM; trap "echo usr1" USR1; echo up; while :; do sleep 0.05; done';
    await docker.must('run', '-d', '--name', 'polite', IMAGE, 'sh', '-c', script);
    await until('the traps are set', async () => (await docker.must('logs', 'polite')) === 'up');
    await docker.must('kill', '--signal', 'USR1', 'polite');
    await until('the trap has run', async () => (await docker.must('logs', 'polite')).includes('usr1'));
    await docker.must('stop', '-t', '60', 'polite');
    assert.equal((await docker.state('polite')).ExitCode, 9);
    await docker.idle('deaf');
    await docker.must('stop', '-t', '1', 'deaf');
    assert.equal((await docker.state('deaf')).ExitCode, 137);
    await docker.must('rm', 'polite', 'deaf');
  });

  test('restart, and the policy that restarts', async () => {
    await docker.idle('again');
    const before = (await docker.state('again')).Pid;
    await docker.must('restart', '-t', '0', 'again');
    const { Status, Pid } = await docker.state('again');
    assert.equal(Status, 'running');
    assert.notEqual(Pid, before);
    await docker.must('rm', '-f', 'again');

    const words = ['--name', 'policy', '--restart', 'on-failure:2', IMAGE, 'sh', '-c', 'echo x; exit 4'];
    await docker.must('run', '-d', ...words);
    const told = () =>
      docker.must('inspect', '--format', '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}', 'policy');
    await until('it has given up', async () => (await told()) === '2 exited 4');
    assert.equal(await docker.must('logs', 'policy'), 'x\nx\nx');
    await docker.must('rm', 'policy');
  });

  test('top, stats, a health check', async () => {
    await docker.idle(
      'watched',
      '--health-cmd',
      'test -e /tmp/well',
      '--health-interval',
      '1s',
      '--health-retries',
      '1',
    );
    assert.match(await docker.must('top', 'watched', '-o', 'pid,args'), /^\d+ +sleep 1000$/m);
    const stats = JSON.parse(await docker.must('stats', '--no-stream', '--format', '{{json .}}', 'watched')) as Record<
      string,
      string
    >;
    assert.equal(stats.Name, 'watched');
    assert.ok(Number(stats.PIDs) >= 1);
    assert.match(stats.MemUsage ?? '', /^[1-9][\d.]*[KM]iB \/ /);
    const health = async () => (await docker.state('watched')).Health?.Status;
    await until('it is unhealthy', async () => (await health()) === 'unhealthy');
    await docker.must('exec', 'watched', 'touch', '/tmp/well');
    await until('it is healthy', async () => (await health()) === 'healthy');
    await docker.must('rm', '-f', 'watched');
  });

  test('the daemon ends, by SIGTERM and by SIGKILL, and the container lives on', async () => {
    await docker.idle('live', '--restart', 'no');
    const { Pid } = await docker.state('live');
    for (const signal of ['TERM', 'KILL']) {
      await docker.end(signal);
      await docker.start();
      const state = await docker.state('live');
      assert.deepEqual([state.Status, state.Pid], ['running', Pid], signal);
      assert.equal(await docker.must('exec', 'live', 'cat', '/proc/1/comm'), 'sleep', signal);
    }
    await docker.must('kill', 'live');
    await until('its end is heard of', async () => (await docker.state('live')).Status === 'exited');
    assert.equal((await docker.state('live')).ExitCode, 137);
    await docker.must('rm', 'live');
  });
});

describe('limits', () => {
  const FILES = ['memory/memory.limit_in_bytes', 'cpu/cpu.cfs_quota_us', 'pids/pids.max'];
  const READ = FILES.map((file) => `cat ${V1}/${file}`).join(';');

  test('--memory, --cpus, --pids-limit, and update of them while it runs', async () => {
    await docker.idle('limited', '--memory', '64m', '--cpus', '0.5', '--pids-limit', '33');
    const seen = async () => (await docker.must('exec', 'limited', 'sh', '-c', READ)).split('\n');
    assert.deepEqual(await seen(), [String(64 << 20), '50000', '33']);
    await docker.must(
      'update',
      '--memory',
      '128m',
      '--memory-swap',
      '256m',
      '--cpus',
      '1.5',
      '--pids-limit',
      '44',
      'limited',
    );
    assert.deepEqual(await seen(), [String(128 << 20), '150000', '44']);
    await docker.must('rm', '-f', 'limited');
  });

  test('a hog meets its limit: 137 and OOMKilled', async () => {
    const limits = ['--memory', '32m', '--memory-swap', '32m'];
    const hog = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
    const { code } = await docker.run('run', '--rm', ...limits, IMAGE, ...hog);
    assert.equal(code, 137);
    // Of one that lives on: dockerd is told of it beside all else, and believes it only before the end.
    await docker.idle('hog', ...limits);
    const { code: ofExec } = await docker.run('exec', 'hog', ...hog);
    assert.equal(ofExec, 137);
    await until('dockerd has heard of it', async () => {
      const now = (Date.now() / 1000).toFixed(3);
      const of = ['--filter', 'container=hog', '--filter', 'event=oom'];
      return (await docker.must('events', '--since', '1', '--until', now, ...of)) !== '';
    });
    await docker.must('kill', 'hog');
    await until('it ended', async () => (await docker.state('hog')).Status === 'exited');
    assert.ok((await docker.state('hog')).OOMKilled);
    await docker.must('rm', 'hog');
  });

  test('--ulimit, --sysctl, --oom-score-adj, --hostname, --shm-size', async () => {
    const options = ['--ulimit', 'nofile=100:200', '--sysctl', 'kernel.shmmax=12345', '--oom-score-adj', '500'];
    const script =
      'ulimit -n; ulimit -Hn; cat /proc/sys/kernel/shmmax /proc/self/oom_score_adj; hostname; df -k /dev/shm | awk "END { print \\$2 }"';
    const seen = await docker.lines([...options, '--hostname', 'box', '--shm-size', '1m'], script);
    assert.deepEqual(seen, ['100', '200', '12345', '500', 'box', '1024']);
  });
});

describe('isolation', () => {
  test('--read-only and --tmpfs', async () => {
    const seen = await docker.lines(
      ['--read-only', '--tmpfs', '/scratch:size=1m,mode=700'],
      'touch /made 2>&1; touch /scratch/made && stat -c %a /scratch',
    );
    assert.deepEqual(seen, ['touch: /made: Read-only file system', '700']);
  });

  test('--cap-drop all; no-new-privileges; seccomp', async () => {
    const profile = join(docker.room.folder, 'seccomp.json');
    const syscalls = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }];
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
    const seen = await docker.lines(
      ['--cap-drop', 'all', '--security-opt', `seccomp=${profile}`, '--security-opt', 'no-new-privileges'],
      'grep -E "^Cap" /proc/self/status | cut -f2; mkdir /made 2>&1; grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status',
    );
    assert.deepEqual(seen, [
      ...Array<string>(5).fill('0000000000000000'),
      "mkdir: can't create directory '/made': Operation not supported",
      'NoNewPrivs:\t1',
      'Seccomp:\t2',
    ]);
  });

  test('--device: there, with the access that was granted', async () => {
    const script = 'stat -c "%t:%T" /dev/fused; probe open /dev/fused; probe open /dev/null';
    assert.deepEqual(await docker.lines(['--device', '/dev/fuse:/dev/fused:r'], script), [
      'a:e5',
      'open EPERM',
      'open ok',
    ]);
  });

  test('volumes, networks and namespaces of others', async () => {
    const volume = join(docker.room.folder, 'volume');
    await docker.room.run('mkdir', volume);
    const refused = await docker.lines(['-v', `${volume}:/v:ro`], 'touch /v/made 2>&1; ls /v');
    assert.deepEqual(refused, ['touch: /v/made: Read-only file system']);
    await docker.idle('giver', '--ipc', 'shareable');
    const shared = ['--network', 'container:giver', '--pid', 'container:giver', '--ipc', 'container:giver'];
    const script = 'for kind in net ipc pid mnt; do readlink /proc/self/ns/$kind; done';
    const theirs = (await docker.must('exec', 'giver', 'sh', '-c', script)).split('\n');
    const seen = await docker.lines(shared, script);
    assert.deepEqual(seen.slice(0, 3), theirs.slice(0, 3));
    assert.notEqual(seen[3], theirs[3]);
    await docker.must('rm', '-f', 'giver');
  });
});
