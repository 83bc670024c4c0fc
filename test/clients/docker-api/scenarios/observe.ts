/** Events, top, stats. */
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import { created, ended, filters, idle, says } from '../words.ts';

export const observe = [
  scenario('events: a life', async (s) => {
    await s.engine.docker('run', '--rm', '--name', s.name, '--label', 'a=b', BASE, 'sh', '-c', 'exit 3');
    await s.events({ container: [s.name] }, 'destroy');
  }),
  scenario('events: a life without a network, without --rm', async (s) => {
    await ended(s, s.name, 'exit 3');
    await s.must('rm', s.name);
    await s.events({ container: [s.name] }, 'destroy');
  }),
  scenario('events: everything that is done to one', async (s) => {
    await idle(s, s.name);
    await s.must('pause', s.name);
    await s.must('unpause', s.name);
    await s.must('exec', s.name, 'sleep', '0.5');
    await s.must('rename', s.name, s.sub('renamed'));
    await s.must('rename', s.sub('renamed'), s.name);
    await s.must('update', '--cpu-shares', '100', s.name);
    await s.must('top', s.name);
    await s.events({ container: [s.name] }, 'top');
  }),
  scenario('events: a restart, copies', async (s) => {
    await idle(s, s.name);
    await s.must('cp', `${s.name}:/etc/group`, s.engine.hostPath(s.name));
    await s.must('cp', s.engine.hostPath(s.name), `${s.name}:/tmp`);
    await s.must('restart', '-t', '0', s.name);
    await s.must('kill', '-s', 'USR1', s.name);
    await s.must('stop', '-t', '0', s.name);
    await s.must('start', s.name);
    await s.must('rm', '-f', s.name);
    await s.events({ container: [s.name] }, 'destroy');
  }),
  scenario('events: networks and volumes', async (s) => {
    await s.must('network', 'create', s.name);
    await s.must('volume', 'create', s.name);
    await s.must('run', '--rm', '--name', s.sub('c'), '--network', s.name, '-v', `${s.name}:/v`, BASE, 'true');
    await s.must('network', 'rm', s.name);
    await s.must('volume', 'rm', s.name);
    await s.events({ type: ['network'], network: [s.name] }, 'destroy');
    await s.events({ type: ['volume'], volume: [s.name] }, 'destroy');
  }),
  scenario('events: images', async (s) => {
    const name = `tare.test/${s.name}:1`;
    await created(s, s.sub('c'));
    await s.must('commit', '-c', `LABEL of=${s.name}`, s.sub('c'), name);
    await s.must('tag', name, `tare.test/${s.name}:2`);
    await s.must('rmi', `tare.test/${s.name}:2`);
    await s.events({ type: ['image'], label: [`of=${s.name}`] }, 'untag');
    await s.must('rmi', name);
  }),
  scenario('events: filters', async (s) => {
    await ended(s, s.name, 'true', '--label', `of=${s.name}`);
    await s.must('rm', s.name);
    await s.events({ container: [s.name], event: ['start', 'die', 'destroy'] }, 'destroy');
    await s.events({ label: [`of=${s.name}`], event: ['create', 'destroy'] }, 'destroy');
    await s.events({ type: ['container'], container: [s.name], event: ['destroy'] }, 'destroy');
    await s.http('GET', '/events?filters=x');
    await s.http('GET', '/events?since=x');
    await s.http('GET', '/events?since=5&until=3');
    await s.docker('events', '--since', '1', '--until', '2');
  }),
  scenario('events: at the CLI', async (s) => {
    await ended(s, s.name, 'true');
    await s.must('rm', s.name);
    const until = (Date.now() / 1000 + 0.2).toFixed(3);
    const args = ['--since', String(s.began), '--until', until, '--filter', `container=${s.name}`];
    await s.docker('events', ...args, '--format', '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}').then(() => {
      const step = s.steps.pop();
      s.note('docker events', step?.answer);
    });
  }),
  scenario('events: health', async (s) => {
    await idle(s, s.name, '--health-cmd', 'true', '--health-interval', '100ms');
    await s.state(s.name, 'healthy', ({ Health }) => Health?.Status === 'healthy');
    await s.events({ container: [s.name], event: ['health_status'] }, 'health_status: healthy');
  }),
  scenario('top', async (s) => {
    // runc answers to `start` before its init has become the program.
    await s.must(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      s.name,
      BASE,
      'sh',
      '-c',
      'mkfifo /held; echo up; read line </held',
    );
    await says(s, s.name, 'up');
    await s.http<{ Titles: string[]; Processes: string[][] }>('GET', `/containers/${s.name}/top`, undefined, {
      only: ({ Titles: titles, Processes: processes }) => ({
        titles,
        rows: processes.length,
        last: processes[0]?.at(-1),
      }),
    });
    await s.http<{ Titles: string[]; Processes: string[][] }>(
      'GET',
      `/containers/${s.name}/top?ps_args=-o%20pid,args`,
      undefined,
      {
        only: ({ Titles: titles, Processes: processes }) => ({ titles, last: processes[0]?.at(-1) }),
      },
    );
    await s.docker('top', s.name, '-o', 'args');
    await s.http('GET', `/containers/${s.name}/top?ps_args=--wrong`);
    await s.http('GET', `/containers/${s.name}/top?ps_args=-o%20args`);
  }),
  scenario('stats: shape', async (s) => {
    await s.must('run', '-d', '--name', s.name, BASE, 'sleep', '1000');
    await s.http('GET', `/containers/${s.name}/stats?stream=0&one-shot=1`, undefined, { only: shape });
    await s.http('GET', `/containers/${s.name}/stats?stream=0`, undefined, { only: shape });
    const { code, stdout } = await s.engine.docker(
      'stats',
      '--no-stream',
      '--format',
      '{{.Name}} {{.PIDs}} {{.MemUsage}}',
      s.name,
    );
    s.note('docker stats', { code, sound: new RegExp(`^${s.name} 1 [\\d.]+[KM]iB / [\\d.]+GiB\n$`).test(stdout) });
  }),
  scenario('stats: what does not run', async (s) => {
    await created(s, s.name);
    await s.http('GET', `/containers/${s.name}/stats?stream=0&one-shot=1`, undefined, { only: shape });
    const { code, stdout } = await s.engine.docker(
      'stats',
      '--no-stream',
      '--format',
      '{{.Name}} {{.PIDs}} {{.CPUPerc}}',
      s.name,
    );
    s.note('docker stats', { code, stdout });
  }),
  scenario('events: headers come before any event', async (s) => {
    const response = await s.engine.client.open(
      'GET',
      `/v1.41/events?${filters({ container: ['none-of-this-name'] })}`,
    );
    s.note('head', [response.statusCode, response.headers['content-type']]);
    response.destroy();
  }),
];

/** Keys with types in place of values; of a list the first. What a kernel's controllers give is not ours to choose. */
function shape(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.length === 0 ? 'list' : [shape(value[0], depth + 1)];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shape(item, depth + 1)]));
}
