/** Start, stop, restart, kill, pause, rename, update, wait, remove. */
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import { created, ended, idle, inspected, says } from '../words.ts';

const POLITE = 'trap "exit 9" TERM; trap "exit 8" INT; echo up; while :; do sleep 0.02; done';

export const life = [
  scenario('start: what was created, what runs, what ended', async (s) => {
    await created(s, s.name);
    await s.http('POST', `/containers/${s.name}/start`);
    await s.http('POST', `/containers/${s.name}/start`);
    await s.docker('start', s.name);
    await s.must('kill', s.name);
    await s.must('wait', s.name);
    await s.docker('start', s.name);
    await s.docker('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}', s.name);
  }),
  scenario('start -a: output and code', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', BASE, 'sh', '-c', 'echo out; echo err >&2; exit 4');
    await s.docker('start', '-a', s.name);
    await s.docker('start', '-a', s.name);
    await s.docker('logs', s.name);
  }),
  scenario('start -ai: stdin', async (s) => {
    await s.must('create', '-i', '--name', s.name, '--network', 'none', BASE, 'cat');
    await s.dockerWith('through\n', 'start', '-ai', s.name);
  }),
  scenario('start: what cannot be executed', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', BASE, 'no-such-program');
    await s.http('POST', `/containers/${s.name}/start`);
    await s.docker('start', s.name);
    await s.docker('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', s.name);
    await s.docker('ps', '-a', '--filter', `name=${s.name}`, '--format', '{{.Status}}');
  }),
  scenario('stop: by its signal, and again', async (s) => {
    await s.must('run', '-d', '--name', s.name, '--network', 'none', BASE, 'sh', '-c', POLITE);
    await says(s, s.name, 'up');
    await s.http('POST', `/containers/${s.name}/stop?t=60`);
    await s.http('POST', `/containers/${s.name}/stop`);
    await s.docker('stop', s.name);
    await s.docker('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}', s.name);
  }),
  scenario('stop: by a signal of its own, and by force', async (s) => {
    await s.must('run', '-d', '--name', s.name, '--stop-signal', 'INT', '--network', 'none', BASE, 'sh', '-c', POLITE);
    await says(s, s.name, 'up');
    await s.docker('stop', s.name);
    await s.docker('inspect', '--format', '{{.State.ExitCode}}', s.name);
    await idle(s, s.sub('deaf'));
    await s.docker('stop', '-t', '0', s.sub('deaf'));
    await s.docker('inspect', '--format', '{{.State.ExitCode}}', s.sub('deaf'));
    await s.http('POST', `/containers/${s.name}/stop?t=x`);
  }),
  scenario('restart', async (s) => {
    await idle(s, s.name);
    await s.http('POST', `/containers/${s.name}/restart?t=0`);
    await s.docker('restart', '-t', '0', s.name);
    await created(s, s.sub('new'));
    await s.docker('restart', s.sub('new'));
    await s.docker('inspect', '--format', '{{.Name}} {{.State.Status}} {{.RestartCount}}', s.name, s.sub('new'));
  }),
  scenario('kill: signals by name and number', async (s) => {
    const script = 'trap "echo usr1" USR1; trap "echo hup" HUP; echo up; while :; do sleep 0.02; done';
    await s.must('run', '-d', '--name', s.name, '--network', 'none', BASE, 'sh', '-c', script);
    await says(s, s.name, 'up');
    await s.docker('kill', '-s', 'SIGUSR1', s.name);
    await says(s, s.name, 'up\nusr1');
    await s.docker('kill', '-s', '1', s.name);
    await says(s, s.name, 'up\nusr1\nhup');
    await s.http('POST', `/containers/${s.name}/kill?signal=usr1`);
    await s.http('POST', `/containers/${s.name}/kill?signal=WRONG`);
    await s.http('POST', `/containers/${s.name}/kill?signal=999`);
    await s.http('POST', `/containers/${s.name}/kill`);
    await s.must('wait', s.name);
    await s.http('POST', `/containers/${s.name}/kill`);
    await s.docker('kill', s.name);
    await s.docker('inspect', '--format', '{{.State.ExitCode}}', s.name);
  }),
  scenario('kill: what was never started', async (s) => {
    await created(s, s.name);
    await s.docker('kill', s.name);
    await s.docker('stop', s.name);
    await s.docker('pause', s.name);
    await s.docker('unpause', s.name);
    await s.docker('top', s.name);
    await s.docker('exec', s.name, 'true');
    await s.docker('attach', s.name);
    await s.docker('logs', s.name);
  }),
  scenario('pause and unpause', async (s) => {
    await idle(s, s.name);
    await s.http('POST', `/containers/${s.name}/pause`);
    await s.http('POST', `/containers/${s.name}/pause`);
    await s.docker('ps', '--filter', `name=${s.name}`, '--format', '{{.Status}} {{.State}}');
    await s.docker('inspect', '--format', '{{json .State}}', s.name);
    await s.docker('exec', s.name, 'true');
    await s.docker('restart', '-t', '0', s.name);
    await s.docker('start', s.name);
    await s.docker('rm', s.name);
    await s.docker('unpause', s.name);
    await s.docker('unpause', s.name);
  }),
  scenario('rename', async (s) => {
    await created(s, s.sub('a'));
    await created(s, s.sub('b'));
    await s.http('POST', `/containers/${s.sub('a')}/rename?name=${s.sub('b')}`);
    await s.http('POST', `/containers/${s.sub('a')}/rename?name=${s.sub('a')}`);
    await s.http('POST', `/containers/${s.sub('a')}/rename?name=`);
    await s.http('POST', `/containers/${s.sub('a')}/rename`);
    await s.http('POST', `/containers/${s.sub('a')}/rename?name=-x`);
    await s.docker('rename', s.sub('a'), s.sub('c'));
    await s.docker('inspect', '--format', '{{.Name}}', s.sub('c'));
    await s.docker('inspect', '--format', '{{.Name}}', s.sub('a'));
    await s.docker('rename', s.sub('c'), s.sub('a'));
  }),
  scenario('update', async (s) => {
    await idle(s, s.name, '--memory', '64m');
    await s.http('POST', `/containers/${s.name}/update`, { Memory: 128 << 20, MemorySwap: 256 << 20 });
    await s.docker('update', '--cpus', '1.5', '--pids-limit', '44', '--cpu-shares', '100', s.name);
    await s.docker('update', '--restart', 'on-failure:2', s.name);
    await s.docker('inspect', '--format', '{{json .HostConfig}}', s.name);
    await s.docker(
      'exec',
      s.name,
      'sh',
      '-c',
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max',
    );
    await s.docker('update', s.name);
    await s.docker('update', '--memory', '1k', s.name);
    await s.docker('update', '--memory', '512m', s.name);
    await s.http('POST', `/containers/${s.name}/update`, { RestartPolicy: { Name: 'wrong' } });
    await s.http('POST', `/containers/${s.name}/update`, '{');
    await s.http('POST', `/containers/${s.name}/update`, {});
  }),
  scenario('wait: one that has ended, one that ends', async (s) => {
    await ended(s, s.name, 'exit 6');
    await s.http('POST', `/containers/${s.name}/wait`);
    await s.http('POST', `/containers/${s.name}/wait?condition=not-running`);
    await s.http('POST', `/containers/${s.name}/wait?condition=wrong`);
    await s.docker('wait', s.name, s.name);
    await idle(s, s.sub('long'));
    const waiting = s.ask('POST', `/containers/${s.sub('long')}/wait?condition=next-exit`);
    await s.must('kill', s.sub('long'));
    s.note('next-exit', (await waiting).body);
  }),
  scenario('wait: for a start and an end to come', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', BASE, 'sh', '-c', 'exit 7');
    const waiting = s.ask('POST', `/containers/${s.name}/wait?condition=next-exit`);
    await s.must('start', s.name);
    s.note('next-exit', (await waiting).body);
    s.note('not-running', (await s.ask('POST', `/containers/${s.name}/wait`)).body);
    const removed = s.ask('POST', `/containers/${s.name}/wait?condition=removed`);
    await s.must('rm', s.name);
    s.note('removed', (await removed).body);
  }),
  scenario('rm', async (s) => {
    await idle(s, s.name);
    await s.http('DELETE', `/containers/${s.name}`);
    await s.docker('rm', s.name);
    await s.docker('rm', '-f', s.name);
    await s.http('DELETE', `/containers/${s.name}`);
    await created(s, s.sub('new'), '-v', '/anonymous');
    await s.http('DELETE', `/containers/${s.sub('new')}?v=1`);
    await s.http('DELETE', `/containers/${s.sub('new')}?link=1`);
  }),
  scenario('restart policy: it gives up', async (s) => {
    await s.must(
      'run',
      '-d',
      '--name',
      s.name,
      '--network',
      'none',
      '--restart',
      'on-failure:2',
      BASE,
      'sh',
      '-c',
      'echo x; exit 4',
    );
    await s.state(s.name, 'it has given up', ({ Status, ExitCode }) => Status === 'exited' && ExitCode === 4);
    await inspected(s, s.name, '{{.RestartCount}} {{.State.Status}}', '2 exited');
    await s.docker('inspect', '--format', '{{.RestartCount}} {{json .HostConfig.RestartPolicy}}', s.name);
    await s.docker('logs', s.name);
  }),
  scenario('restart policy: a stop is the end', async (s) => {
    await idle(s, s.name, '--restart', 'always');
    await s.docker('stop', '-t', '0', s.name);
    await s.docker('inspect', '--format', '{{.State.Status}} {{.State.Restarting}} {{.RestartCount}}', s.name);
    await s.docker('rm', s.name);
  }),
  scenario('health: it is told', async (s) => {
    const options = [
      '--health-cmd',
      'echo fine; test ! -e /tmp/ill',
      '--health-interval',
      '100ms',
      '--health-retries',
      '1',
    ];
    await idle(s, s.name, ...options);
    await s.state(s.name, 'healthy', ({ Health }) => Health?.Status === 'healthy');
    await s.docker('ps', '--filter', `name=${s.name}`, '--format', '{{.Status}}');
    await s.docker('ps', '--filter', `name=${s.name}`, '--filter', 'health=healthy', '--format', '{{.Names}}');
    await s.docker(
      'inspect',
      '--format',
      '{{json (index .State.Health.Log 0)}} {{.State.Health.FailingStreak}}',
      s.name,
    );
    await s.must('exec', s.name, 'touch', '/tmp/ill');
    await s.state(s.name, 'unhealthy', ({ Health }) => Health?.Status === 'unhealthy');
    await s.docker('ps', '--filter', `name=${s.name}`, '--format', '{{.Status}}');
    await s.docker('ps', '--filter', `name=${s.name}`, '--filter', 'health=unhealthy', '--format', '{{.Names}}');
  }),
];
