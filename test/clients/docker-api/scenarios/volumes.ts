/** Volumes. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASE } from '../images.ts';
import { alone, scenario } from '../runner.ts';
import { filters } from '../words.ts';

export const volumes = [
  scenario('volume create', async (s) => {
    await s.http('POST', '/volumes/create', { Name: s.name, Labels: { a: 'b' } });
    await s.http('POST', '/volumes/create', { Name: s.name });
    await s.docker('volume', 'create', s.sub('cli'));
    await s.docker('volume', 'create', '--label', 'a=b', s.sub('cli'));
    const { body } = await s.http<{ Name: string }>('POST', '/volumes/create', {});
    await s.http('DELETE', `/volumes/${body.Name}`);
  }),
  scenario('volume create: what cannot be', async (s) => {
    for (const Name of ['a', '-x', 'a b', 'a/b', `x${'y'.repeat(300)}`])
      await s.http('POST', '/volumes/create', { Name });
    await s.http('POST', '/volumes/create', '{');
    await s.http('POST', '/volumes/create');
    await s.http('POST', '/volumes/create', { Name: s.name, DriverOpts: { wrong: 'x' } });
    for (const DriverOpts of [{ type: 'tmpfs' }, { device: '/srv' }, { o: 'bind' }, { o: 'bind', device: '/srv' }])
      await s.http('POST', '/volumes/create', { Name: s.name, DriverOpts });
    await s.http('POST', '/volumes/create', {
      Name: s.name,
      DriverOpts: { type: 'none', o: 'bind', device: '/srv', size: '1m' },
    });
  }),
  scenario('volume create: a tmpfs', async (s) => {
    await s.docker('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m', s.sub('t'));
  }),
  scenario('volume create: a bind', async (s) => {
    const device = s.engine.hostPath(s.name, 'device');
    mkdirSync(device);
    writeFileSync(join(device, 'file'), 'of the host');
    const bind = (o: string, path = device) => ['-o', 'type=none', '-o', `o=${o}`, '-o', `device=${path}`];
    const run = (volume: string, command: string) =>
      s.docker('run', '--rm', '--network', 'none', '-v', volume, BASE, 'sh', '-c', command);
    const flags = 'grep " /v " /proc/self/mountinfo | cut -d" " -f6';
    await s.http('POST', '/volumes/create', { Name: s.sub('a'), DriverOpts: { type: 'none', o: 'bind', device } });
    await s.docker('volume', 'create', '--label', 'a=b', ...bind('bind,ro', '/other'), s.sub('a'));
    await s.http('POST', '/volumes/create', { Name: s.sub('a'), DriverOpts: { wrong: 'x' } });
    await s.docker('volume', 'inspect', s.sub('a'));
    await run(`${s.sub('a')}:/v`, `cat /v/file; echo more >> /v/file; ${flags}`);
    await run(`${s.sub('a')}:/v:ro`, `touch /v/x; ${flags}`);
    s.note('on the host', readFileSync(join(device, 'file'), 'utf8'));
    await s.docker('volume', 'create', ...bind('rbind,ro,nosuid,nodev,noexec'), s.sub('closed'));
    await run(`${s.sub('closed')}:/v`, `cat /v/file; touch /v/x; ${flags}`);
    await s.must('create', '--name', s.sub('c'), '--network', 'none', '-v', `${s.sub('closed')}:/v`, BASE);
    await s.docker('inspect', '--format', '{{json .Mounts}}', s.sub('c'));
    await s.docker('rm', '-v', s.sub('c'));
    const empty = s.engine.hostPath(s.name, 'empty');
    mkdirSync(empty);
    await s.docker('volume', 'create', ...bind('bind', empty), s.sub('empty'));
    await run(`${s.sub('empty')}:/bin`, 'ls /bin; stat -c "%a %u" /bin');
    s.note('in the empty one', readdirSync(empty).sort());
    await s.docker('volume', 'create', ...bind('bind', '/missing/device'), s.sub('missing'));
    await run(`${s.sub('missing')}:/v`, 'true');
    await s.must('create', '--name', s.sub('m'), '--network', 'none', '-v', `${s.sub('missing')}:/v`, BASE);
    await s.http('POST', `/containers/${s.sub('m')}/start`);
    await s.docker('inspect', '--format', '{{.State.ExitCode}} {{.State.Status}}', s.sub('m'));
    await s.must('rm', s.sub('m'));
    await s.docker('volume', 'rm', s.sub('a'), s.sub('closed'), s.sub('empty'), s.sub('missing'));
    s.note('what is left', readdirSync(device));
  }),
  scenario('volume inspect', async (s) => {
    await s.must('volume', 'create', '--label', 'a=b', s.name);
    await s.http('GET', `/volumes/${s.name}`);
    await s.docker('volume', 'inspect', s.name);
    await s.http('GET', '/volumes/absent');
    await s.docker('volume', 'inspect', 'absent');
  }),
  scenario('volume ls', async (s) => {
    await s.must('volume', 'create', '--label', `of=${s.name}`, s.sub('a'));
    await s.must('volume', 'create', '--label', `of=${s.name}`, '--label', 'kind=b', s.sub('b'));
    await s.must('create', '--name', s.sub('c'), '--network', 'none', '-v', `${s.sub('a')}:/v`, BASE);
    const mine = ['--filter', `label=of=${s.name}`, '--format', '{{.Name}} {{.Driver}} {{.Scope}}'];
    await s.docker('volume', 'ls', '--filter', `label=of=${s.name}`);
    for (const filter of [
      'label=kind=b',
      'dangling=true',
      'dangling=false',
      'driver=local',
      'driver=absent',
      `name=${s.sub('b')}`,
    ]) {
      await s.docker('volume', 'ls', '--filter', filter, ...mine);
    }
    await s.http('GET', `/volumes?${filters({ name: [s.name] })}`, undefined, {
      only: (body: { Volumes: { Name: string }[]; Warnings: unknown }) => ({
        ...body,
        Volumes: body.Volumes.sort((a, b) => (a.Name < b.Name ? -1 : 1)),
      }),
    });
    await s.http('GET', `/volumes?${filters({ name: ['absent-by-name'] })}`);
    await s.docker('volume', 'ls', '--filter', 'dangling=wrong');
    await s.docker('volume', 'ls', '--filter', 'wrong=1');
    await s.http('GET', '/volumes?filters=x');
  }),
  scenario('volume rm', async (s) => {
    await s.must('volume', 'create', s.name);
    await s.must('create', '--name', s.sub('c'), '--network', 'none', '-v', `${s.name}:/v`, BASE);
    await s.http('DELETE', `/volumes/${s.name}`);
    await s.docker('volume', 'rm', s.name);
    await s.docker('volume', 'rm', '-f', s.name);
    await s.must('rm', s.sub('c'));
    await s.http('DELETE', `/volumes/${s.name}`);
    await s.docker('volume', 'rm', s.name);
    await s.docker('volume', 'rm', '-f', s.name);
  }),
  scenario('volume: anonymous ones go with rm -v and --rm', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', '-v', '/a', '-v', `${s.sub('named')}:/b`, BASE);
    const name = await s.must(
      'inspect',
      '--format',
      '{{range .Mounts}}{{if eq .Destination "/a"}}{{.Name}}{{end}}{{end}}',
      s.name,
    );
    await s.dockerSorted(
      'inspect',
      '--format',
      '{{range .Mounts}}{{.Type}} {{.Destination}} {{.Driver}} {{.Mode}} {{.RW}} {{.Propagation}}\n{{end}}',
      s.name,
    );
    await s.must('rm', '-v', s.name);
    s.note('anonymous', (await s.ask('GET', `/volumes/${name}`)).status);
    s.note('named', (await s.ask('GET', `/volumes/${s.sub('named')}`)).status);
  }),
  alone('volume prune', async (s) => {
    await s.must('volume', 'prune', '-f');
    await s.must('volume', 'create', '--label', 'keep', s.sub('a'));
    await s.must('volume', 'create', s.sub('b'));
    await s.must('volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', 'device=/srv', s.sub('device'));
    await s.docker('volume', 'prune', '-f', '--filter', 'label!=keep');
    await s.docker('volume', 'prune', '-f');
    await s.docker('system', 'df', '-v', '--format', '{{json .Volumes}}');
    await s.docker('volume', 'ls', '-q');
    await s.docker('volume', 'rm', s.sub('device'));
    await s.http('POST', '/volumes/prune');
    await s.http('POST', `/volumes/prune?${filters({ wrong: ['x'] })}`);
  }),
];
