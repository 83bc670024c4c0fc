/** Networks. */
import { BASE } from '../images.ts';
import { alone, scenario } from '../runner.ts';
import { filters } from '../words.ts';
import type { Session } from '../session.ts';

async function connected(s: Session, ...options: string[]): Promise<void> {
  await s.must('run', '-d', '--name', s.sub('c'), ...options, BASE, 'sleep', '1000');
}

export const networks = [
  scenario('network create: the answer and what it is', async (s) => {
    await s.http('POST', '/networks/create', { Name: s.name, CheckDuplicate: true });
    await s.http('GET', `/networks/${s.name}`);
    await s.http('POST', '/networks/create', { Name: s.name, CheckDuplicate: true });
    await s.docker('network', 'create', s.sub('cli'));
    await s.docker('network', 'create', s.sub('cli'));
  }),
  scenario('network create: subnet, gateway, range, internal, labels', async (s) => {
    const options = [
      '--subnet',
      '10.98.0.0/16',
      '--gateway',
      '10.98.9.9',
      '--ip-range',
      '10.98.4.0/24',
      '--internal',
      '--label',
      'a=b',
      '--attachable',
    ];
    await s.docker('network', 'create', ...options, s.name);
    await s.docker('network', 'inspect', s.name);
    await connected(s, '--network', s.name);
    await s.docker('exec', s.sub('c'), 'sh', '-c', 'ip -4 addr show eth0 | grep -o "10[.]98[.]4[.]"');
  }),
  scenario('network create: IPv6', async (s) => {
    await s.docker('network', 'create', '--ipv6', '--subnet', 'fd99:1::/64', '--subnet', '10.97.0.0/24', s.name);
    await s.docker('network', 'inspect', '--format', '{{.EnableIPv6}} {{json .IPAM.Config}}', s.name);
    await connected(s, '--network', s.name);
    await s.docker('inspect', '--format', `{{json (index .NetworkSettings.Networks "${s.name}")}}`, s.sub('c'));
  }),
  scenario('network create: what cannot be', async (s) => {
    await s.http('POST', '/networks/create', {});
    await s.http('POST', '/networks/create', '{');
    await s.http('POST', '/networks/create', { Name: 'a b' });
    await s.http('POST', '/networks/create', { Name: 'bridge', CheckDuplicate: true });
    await s.http('POST', '/networks/create', { Name: 'host' });
    await s.http('POST', '/networks/create', { Name: s.sub('d'), Driver: 'host' });
    await s.http('POST', '/networks/create', { Name: s.sub('d'), Driver: 'null' });
    await s.http('POST', '/networks/create', { Name: s.sub('d'), IPAM: { Config: [{ Subnet: 'x' }] } });
    await s.http('POST', '/networks/create', {
      Name: s.sub('d'),
      IPAM: { Config: [{ Subnet: '10.96.0.0/24', Gateway: '10.95.0.1' }] },
    });
    await s.must('network', 'create', '--subnet', '10.95.0.0/24', s.sub('a'));
    await s.docker('network', 'create', '--subnet', '10.95.0.0/24', s.sub('b'));
    await s.docker('network', 'create', '--driver', 'overlay', s.sub('b'));
  }),
  scenario('network create: options', async (s) => {
    const options = [
      '-o',
      'com.docker.network.bridge.enable_icc=false',
      '-o',
      'com.docker.network.driver.mtu=1400',
      '-o',
      'com.docker.network.bridge.name=br-mine',
    ];
    await s.docker('network', 'create', ...options, s.name);
    await s.docker('network', 'inspect', '--format', '{{json .Options}}', s.name);
    await connected(s, '--network', s.name);
    await s.docker('exec', s.sub('c'), 'cat', '/sys/class/net/eth0/mtu');
  }),
  scenario('network inspect: those that are always there', async (s) => {
    for (const name of ['bridge', 'host', 'none']) {
      await s.http<Record<string, unknown>>('GET', `/networks/${name}`, undefined, {
        only: (network) => ({ ...network, Containers: typeof network.Containers }),
      });
    }
    await s.http('GET', '/networks/absent');
    await s.docker('network', 'inspect', 'absent');
    await s.docker('network', 'inspect', 'bridge', 'absent', '--format', '{{.Name}}');
  }),
  scenario('network inspect: with containers', async (s) => {
    await s.must('network', 'create', s.name);
    await connected(s, '--network', s.name);
    await s.http('GET', `/networks/${s.name}`);
    const id = await s.must('network', 'inspect', '--format', '{{.Id}}', s.name);
    await s.http('GET', `/networks/${id.slice(0, 12)}`);
    await s.http('GET', `/networks/${s.name}?verbose=x`);
    await s.http('GET', `/networks/${s.name}?scope=swarm`);
  }),
  scenario('network ls', async (s) => {
    await s.must('network', 'create', '--label', `of=${s.name}`, s.sub('a'));
    await s.must('network', 'create', '--label', `of=${s.name}`, '--internal', s.sub('b'));
    const names = ['--format', '{{.Name}} {{.Driver}} {{.Scope}}'];
    await s.docker('network', 'ls', '--filter', `name=${s.name}`);
    await s.docker('network', 'ls', '--filter', `label=of=${s.name}`, ...names);
    await s.docker('network', 'ls', '--filter', `name=${s.name}`, '--filter', 'driver=bridge', ...names);
    await s.docker('network', 'ls', '--filter', `name=${s.name}`, '--filter', 'driver=host', ...names);
    await s.docker('network', 'ls', '--filter', 'type=builtin', ...names);
    await s.docker('network', 'ls', '--filter', `name=${s.name}`, '--filter', 'type=custom', ...names);
    await s.docker('network', 'ls', '--filter', `name=${s.name}`, '--filter', 'scope=local', ...names);
    await s.docker('network', 'ls', '--filter', `name=${s.name}`, '--filter', 'dangling=true', ...names);
    await s.docker('network', 'ls', '--filter', 'type=wrong');
    await s.docker('network', 'ls', '--filter', 'wrong=1');
    await s.http('GET', '/networks?filters=x');
    await s.http('GET', `/networks?${filters({ name: [s.sub('a')] })}`);
  }),
  scenario('network connect and disconnect', async (s) => {
    await s.must('network', 'create', '--subnet', '10.94.0.0/24', s.name);
    await connected(s);
    await s.docker('network', 'connect', '--ip', '10.94.0.77', '--alias', 'nick', s.name, s.sub('c'));
    await s.docker('exec', s.sub('c'), 'ls', '/sys/class/net');
    await s.docker('inspect', '--format', `{{json (index .NetworkSettings.Networks "${s.name}")}}`, s.sub('c'));
    await s.docker('network', 'connect', s.name, s.sub('c'));
    await s.docker('network', 'disconnect', s.name, s.sub('c'));
    await s.docker('network', 'disconnect', s.name, s.sub('c'));
    await s.docker('exec', s.sub('c'), 'ls', '/sys/class/net');
    await s.docker('network', 'connect', '--ip', '10.93.0.1', s.name, s.sub('c'));
    await s.docker('network', 'connect', '--ip', 'x', s.name, s.sub('c'));
    await s.docker('network', 'connect', 'absent', s.sub('c'));
    await s.docker('network', 'connect', s.name, 'absent');
    await s.docker('network', 'disconnect', s.name, 'absent');
    await s.docker('network', 'disconnect', 'absent', s.sub('c'));
    await s.docker('network', 'connect', 'host', s.sub('c'));
    await s.http('POST', `/networks/${s.name}/connect`, {});
    await s.http('POST', `/networks/${s.name}/connect`, '{');
    await s.http('POST', `/networks/${s.name}/disconnect`, { Container: 'absent', Force: true });
  }),
  scenario('network connect: what does not run', async (s) => {
    await s.must('network', 'create', s.name);
    await s.must('create', '--name', s.sub('c'), BASE, 'ls', '/sys/class/net');
    await s.docker('network', 'connect', s.name, s.sub('c'));
    await s.docker(
      'inspect',
      '--format',
      '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}',
      s.sub('c'),
    );
    await s.docker('start', '-a', s.sub('c'));
    await s.docker('network', 'disconnect', s.name, s.sub('c'));
    await s.docker('start', '-a', s.sub('c'));
  }),
  scenario('network: names are known to each other', async (s) => {
    await s.must('network', 'create', s.name);
    await connected(s, '--network', s.name, '--network-alias', 'nick');
    for (const name of [s.sub('c'), 'nick'])
      await s.docker(
        'run',
        '--rm',
        '--network',
        s.name,
        BASE,
        'sh',
        '-c',
        `ping -c 1 -W 5 ${name} | grep -c "1 packets received"`,
      );
    await s.docker(
      'run',
      '--rm',
      '--network',
      s.name,
      '--link',
      `${s.sub('c')}:linked`,
      BASE,
      'sh',
      '-c',
      'ping -c 1 -W 5 linked | grep -c "1 packets received"',
    );
  }),
  scenario('network rm', async (s) => {
    await s.must('network', 'create', s.name);
    await connected(s, '--network', s.name);
    await s.http('DELETE', `/networks/${s.name}`);
    await s.docker('network', 'rm', s.name);
    await s.must('rm', '-f', s.sub('c'));
    await s.http('DELETE', `/networks/${s.name}`);
    await s.docker('network', 'rm', s.name);
    for (const name of ['bridge', 'host', 'none']) await s.docker('network', 'rm', name);
  }),
  alone('network prune', async (s) => {
    await s.must('network', 'create', '--label', 'keep', s.sub('a'));
    await s.must('network', 'create', s.sub('b'));
    await s.docker('network', 'prune', '-f', '--filter', 'label!=keep');
    await s.docker('network', 'prune', '-f');
    await s.http('POST', '/networks/prune');
    await s.http('POST', `/networks/prune?${filters({ wrong: ['x'] })}`);
  }),
];
