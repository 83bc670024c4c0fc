/** GET /containers/json and `docker ps`. */
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import { created, ended, filters, idle } from '../words.ts';
import type { Session } from '../session.ts';

/** One that runs, one that has failed, one that was never started. */
async function three(s: Session): Promise<void> {
  await idle(s, s.sub('run'), '--label', 'kind=web', '--label', `of=${s.name}`);
  await ended(s, s.sub('end'), 'exit 3', '--label', 'kind=job', '--label', `of=${s.name}`);
  await created(s, s.sub('new'), '--label', 'kind=job', '--label', `of=${s.name}`);
}

export const list = [
  scenario('list: shape of one', async (s) => {
    await idle(s, s.name, '--label', 'a=b');
    await s.http('GET', `/containers/json?${filters({ name: [s.name] })}`);
    await s.http('GET', `/containers/json?size=1&${filters({ name: [s.name] })}`);
  }),
  scenario('list: on a bridge with ports and a volume', async (s) => {
    const options = ['-p', '127.0.0.1:18080:80', '-p', '9000-9002/udp', '--expose', '99', '-v', `${s.sub('v')}:/v`];
    await s.must('run', '-d', '--name', s.name, ...options, BASE, 'sleep', '1000');
    await s.http('GET', `/containers/json?${filters({ name: [s.name] })}`);
    await s.docker(
      'ps',
      '--filter',
      `name=${s.name}`,
      '--format',
      '{{.Ports}}|{{.Mounts}}|{{.Networks}}|{{.LocalVolumes}}',
    );
    await s.dockerSorted('port', s.name);
    await s.docker('port', s.name, '80');
    await s.docker('port', s.name, '81');
  }),
  scenario('list: table', async (s) => {
    await three(s);
    await s.docker('ps', '--filter', `label=of=${s.name}`);
    await s.docker('ps', '-a', '--filter', `label=of=${s.name}`);
    await s.docker('ps', '-aq', '--filter', `label=of=${s.name}`);
    await s.docker('ps', '-a', '--no-trunc', '--filter', `label=of=${s.name}`);
    await s.docker('ps', '-as', '--filter', `label=of=${s.name}`);
    await s.docker(
      'ps',
      '-a',
      '--filter',
      `label=of=${s.name}`,
      '--format',
      '{{.Names}} {{.Status}} {{.State}} {{.Command}}',
    );
  }),
  scenario('list: -n and -l', async (s) => {
    await three(s);
    await s.docker('ps', '-n', '2', '--filter', `label=of=${s.name}`, '--format', '{{.Names}}');
    await s.docker('ps', '-l', '--filter', `label=of=${s.name}`, '--format', '{{.Names}}');
    await s.http<{ Names: string[] }[]>(
      'GET',
      `/containers/json?limit=1&${filters({ label: [`of=${s.name}`] })}`,
      undefined,
      {
        only: (all) => all.map(({ Names: names }) => names),
      },
    );
    await s.http('GET', '/containers/json?limit=x');
  }),
  scenario('list: filter by status and exit', async (s) => {
    await three(s);
    for (const filter of [
      'status=running',
      'status=exited',
      'status=created',
      'exited=3',
      'exited=0',
      'status=paused',
    ]) {
      await s.docker('ps', '-a', '--filter', `label=of=${s.name}`, '--filter', filter, '--format', '{{.Names}}');
    }
    await s.docker('ps', '--filter', 'status=wrong');
    await s.docker('ps', '--filter', 'exited=x');
  }),
  scenario('list: filter by label, name, id', async (s) => {
    await three(s);
    const names = ['--format', '{{.Names}}'];
    await s.docker('ps', '-a', '--filter', `label=of=${s.name}`, '--filter', 'label=kind', ...names);
    await s.docker('ps', '-a', '--filter', `label=of=${s.name}`, '--filter', 'label=kind=job', ...names);
    await s.docker('ps', '-a', '--filter', `label=of=${s.name}`, '--filter', 'label=kind=none', ...names);
    await s.docker('ps', '-a', '--filter', `name=^/${s.sub('end')}$`, ...names);
    await s.docker('ps', '-a', '--filter', `name=${s.sub('(end|new)')}`, ...names);
    const id = await s.must('inspect', '--format', '{{.Id}}', s.sub('new'));
    await s.docker('ps', '-a', '--filter', `id=${id.slice(0, 8)}`.replace(id.slice(0, 8), id), ...names);
    await s.docker('ps', '-a', '--filter', 'id=nothing', ...names);
  }),
  scenario('list: filter by before and since', async (s) => {
    await three(s);
    const mine = ['--filter', `label=of=${s.name}`, '--format', '{{.Names}}'];
    await s.docker('ps', '-a', '--filter', `before=${s.sub('end')}`, ...mine);
    await s.docker('ps', '-a', '--filter', `since=${s.sub('end')}`, ...mine);
    await s.docker('ps', '-a', '--filter', 'since=absent', ...mine);
  }),
  scenario('list: filter by ancestor, volume, network, publish, expose, health', async (s) => {
    await s.must('network', 'create', s.sub('net'));
    const options = ['--network', s.sub('net'), '-p', '18081:81', '--expose', '99', '-v', `${s.sub('v')}:/v`];
    await s.must('run', '-d', '--name', s.name, ...options, BASE, 'sleep', '1000');
    const mine = ['--filter', `name=${s.name}`, '--format', '{{.Names}}'];
    for (const filter of [
      ...[
        `ancestor=${BASE}`,
        'ancestor=tare.test/base',
        'ancestor=absent',
        `volume=${s.sub('v')}`,
        'volume=/v',
        'volume=no',
      ],
      ...[
        `network=${s.sub('net')}`,
        'network=absent',
        'publish=18081',
        'publish=81',
        'expose=99',
        'expose=98',
        'health=none',
      ],
      ...['health=healthy', 'is-task=false'],
    ]) {
      await s.docker('ps', '-a', '--filter', filter, ...mine);
    }
    await s.docker('ps', '--filter', 'publish=x', ...mine);
  }),
  scenario('list: filters that are none', async (s) => {
    for (const value of [
      '{',
      '[]',
      '7',
      '"x"',
      '{"name":7}',
      '{"name":{"x":7}}',
      '{"wrong":["x"]}',
      '{"name":{"x":false}}',
    ]) {
      await s.http('GET', `/containers/json?filters=${encodeURIComponent(value)}`, undefined, {
        only: (body) => (Array.isArray(body) ? 'a list' : body),
      });
    }
  }),
  scenario('list: both spellings of filters', async (s) => {
    await idle(s, s.name);
    const only = (all: { Names: string[] }[]): unknown => all.map(({ Names: names }) => names);
    await s.http('GET', `/containers/json?${filters({ name: [s.name] })}`, undefined, { only });
    await s.http('GET', `/containers/json?${filters({ name: { [s.name]: true } })}`, undefined, { only });
    await s.plain('GET', `/v1.24/containers/json?${filters({ name: { [s.name]: true } })}`, undefined, { only });
  }),
];
