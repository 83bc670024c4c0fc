/** Inspect of each kind, and how `docker inspect` falls through them. */
import { BASE, RICH } from '../images.ts';
import { scenario } from '../runner.ts';
import { created, ended, idle } from '../words.ts';

export const inspect = [
  scenario('inspect: a container that runs', async (s) => {
    await idle(s, s.name);
    await s.http('GET', `/containers/${s.name}/json`);
  }),
  scenario('inspect: a container that has ended', async (s) => {
    await ended(s, s.name, 'exit 5');
    await s.http('GET', `/containers/${s.name}/json?size=1`);
  }),
  scenario('inspect: a container that was never started', async (s) => {
    await created(s, s.name);
    await s.http('GET', `/containers/${s.name}/json`);
  }),
  scenario('inspect: a container on the bridge', async (s) => {
    await s.must('run', '-d', '--name', s.name, '-p', '80', BASE, 'sleep', '1000');
    await s.docker('inspect', '--format', '{{json .NetworkSettings}}', s.name);
  }),
  scenario('inspect: a container on a network of its own', async (s) => {
    await s.must('network', 'create', '--subnet', '10.99.1.0/24', s.sub('net'));
    await s.must(
      'run',
      '-d',
      '--name',
      s.name,
      '--network',
      s.sub('net'),
      '--ip',
      '10.99.1.7',
      '--network-alias',
      'nick',
      BASE,
      'sleep',
      '1000',
    );
    await s.docker('inspect', '--format', '{{json .NetworkSettings.Networks}}', s.name);
    await s.docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', s.name);
  }),
  scenario('inspect: everything asked for comes back', async (s) => {
    const options = [
      ...[
        '-e',
        'A=b',
        '-l',
        'c=d',
        '-w',
        '/tmp',
        '-u',
        '1000:10',
        '--hostname',
        'box',
        '--domainname',
        'lan',
        '-t',
        '-i',
      ],
      ...[
        '--memory',
        '64m',
        '--memory-reservation',
        '32m',
        '--cpus',
        '0.5',
        '--cpu-shares',
        '512',
        '--cpuset-cpus',
        '0',
      ],
      ...['--pids-limit', '50', '--ulimit', 'nofile=100:200', '--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN'],
      ...['--restart', 'on-failure:3', '--stop-signal', 'SIGINT', '--stop-timeout', '3', '--read-only', '--init'],
      ...[
        '--tmpfs',
        '/t:size=1m',
        '--shm-size',
        '8m',
        '--group-add',
        'wheel',
        '--dns',
        '192.0.2.1',
        '--dns-search',
        'lan',
      ],
      ...[
        '--dns-option',
        'ndots:2',
        '--add-host',
        'peer:192.0.2.9',
        '--sysctl',
        'net.ipv4.ip_forward=1',
        '--oom-score-adj',
        '7',
      ],
      ...[
        '--log-driver',
        'json-file',
        '--log-opt',
        'max-size=1m',
        '--log-opt',
        'max-file=2',
        '--security-opt',
        'no-new-privileges',
      ],
      ...['--health-cmd', 'true', '--health-interval', '1h', '--health-retries', '4', '--health-timeout', '5s'],
      ...['--health-start-period', '6s', '--pid', 'host', '--ipc', 'private', '--uts', 'host', '--cgroupns', 'private'],
      ...[
        '-v',
        `${s.sub('v')}:/v:ro`,
        '--mount',
        'type=tmpfs,destination=/m,tmpfs-size=4096',
        '--device',
        '/dev/null:/dev/nothing:r',
      ],
    ].filter((word, index, all) => word !== '--uts' && all[index - 1] !== '--uts');
    await s.must('create', '--name', s.name, '--network', 'none', ...options, BASE, 'true');
    await s.http('GET', `/containers/${s.name}/json`);
  }),
  scenario('inspect: by name, id, part of an id, with a slash', async (s) => {
    await created(s, s.name);
    const id = await s.must('inspect', '--format', '{{.Id}}', s.name);
    for (const reference of [s.name, id, id.slice(0, 12), id.slice(0, 12).toUpperCase(), `/${s.name}`, `${s.name}x`]) {
      const { status } = await s.ask('GET', `/containers/${encodeURIComponent(reference)}/json`);
      s.note(`status of ${reference === id.slice(0, 12).toUpperCase() ? 'capitals' : reference}`, status);
    }
  }),
  scenario('inspect: falls through the kinds', async (s) => {
    await created(s, s.sub('c'));
    await s.must('network', 'create', s.sub('n'));
    await s.must('volume', 'create', s.sub('v'));
    for (const name of [s.sub('c'), s.sub('n'), s.sub('v')]) await s.docker('inspect', '--format', '{{.Name}}', name);
    await s.docker('inspect', '--format', '{{.RepoTags}}', RICH);
    await s.docker('inspect', s.sub('absent'));
    await s.docker('inspect', s.sub('c'), s.sub('absent'), '--format', '{{.Name}}');
  }),
  scenario('inspect: by type', async (s) => {
    await created(s, s.name);
    for (const type of ['container', 'image', 'network', 'volume', 'plugin', 'node', 'service', 'secret', 'wrong']) {
      await s.docker('inspect', '--type', type, s.sub('absent'));
    }
    await s.docker('inspect', '--type', 'container', '--size', '--format', '{{.Name}}', s.name);
  }),
  scenario('absent: a container in every path', async (s) => {
    const paths = {
      GET: ['json', 'top', 'logs?stdout=1', 'changes', 'export', 'stats', 'archive?path=/'],
      POST: [
        'start',
        'stop',
        'restart',
        'kill',
        'update',
        'rename?name=x',
        'pause',
        'unpause',
        'attach',
        'wait',
        'resize?h=1&w=1',
        'exec',
      ],
    };
    for (const verb of paths.GET) await s.http('GET', `/containers/absent/${verb}`);
    for (const verb of paths.POST)
      await s.http('POST', `/containers/absent/${verb}`, verb === 'exec' ? { Cmd: ['x'] } : {});
    await s.http('DELETE', '/containers/absent');
    await s.http('HEAD', '/containers/absent/archive?path=/');
    await s.http('PUT', '/containers/absent/archive?path=/', Buffer.alloc(1024), {
      headers: { 'content-type': 'application/x-tar' },
    });
  }),
  scenario('absent: at the CLI', async (s) => {
    for (const verb of [
      'start',
      'stop',
      'restart',
      'kill',
      'pause',
      'unpause',
      'wait',
      'rm',
      'logs',
      'top',
      'diff',
      'port',
      'attach',
    ]) {
      await s.docker(verb, 'absent');
    }
    await s.docker('rm', '-f', 'absent');
    await s.docker('exec', 'absent', 'true');
    await s.docker('cp', 'absent:/x', '-');
    await s.docker('commit', 'absent');
    await s.docker('rename', 'absent', 'other');
    await s.docker('update', '--memory', '64m', 'absent');
    await s.docker('stats', '--no-stream', 'absent');
    await s.docker('start', '-a', 'absent');
  }),
];
