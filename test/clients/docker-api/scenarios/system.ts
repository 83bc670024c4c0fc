/** What an engine says of itself, and whom it turns away. */
import { LOCKED_REGISTRY, REGISTRY } from '../engine.ts';
import { alone, scenario } from '../runner.ts';

/** The swarm that neither engine is part of. */
const SWARM_PATHS = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'];

export const system = [
  scenario('ping', async (s) => {
    for (const path of ['/_ping', '/v1.24/_ping', '/v1.41/_ping']) await s.plain('GET', path);
    await s.plain('HEAD', '/_ping');
    const { headers } = await s.ask('GET', '/_ping');
    const told = [
      'api-version',
      'docker-experimental',
      'ostype',
      'cache-control',
      'pragma',
      'builder-version',
      'swarm',
    ];
    s.note('headers of a ping', Object.fromEntries(told.map((name) => [name, headers[name]])));
    const { headers: others } = await s.ask('GET', '/networks/absent');
    s.note(
      'headers of every answer',
      ['api-version', 'ostype', 'server'].map((name) => name in others),
    );
  }),
  scenario('version: shape', async (s) => {
    await s.http<Record<string, unknown>>('GET', '/version', undefined, {
      only: (version) => ({
        keys: Object.keys(version).sort(),
        os: version.Os,
        arch: version.Arch,
        components: (version.Components as { Name: string }[]).map(({ Name: name }) => name),
      }),
    });
    await s.docker('version', '--format', '{{.Server.Os}}/{{.Server.Arch}} {{.Server.Experimental}}');
  }),
  scenario('version: paths without one', async (s) => {
    for (const path of ['/version', '/info']) await s.plain('GET', path, undefined, { only: (body) => typeof body });
    await s.plain('GET', '/containers/absent/json');
    await s.plain('GET', '/images/absent/json');
  }),
  scenario('version: too old, too new, none at all', async (s) => {
    for (const version of ['v1.0', 'v1.11', 'v1.99', 'v2.0', 'v1', 'vx.y', 'v1.41.1']) {
      await s.plain('GET', `/${version}/containers/absent/json`);
    }
  }),
  scenario('paths that nobody has', async (s) => {
    for (const path of [
      '/',
      '/nowhere',
      '/v1.41',
      '/v1.41/',
      '/v1.41/nowhere',
      '/v1.41/containers',
      '/v1.41/containers/',
    ])
      await s.plain('GET', path);
  }),
  scenario('methods that nobody has', async (s) => {
    await s.http('DELETE', '/containers/json');
    await s.http('PUT', '/containers/create');
    await s.http('GET', '/containers/create');
    await s.http('POST', '/version');
    await s.http('PATCH', '/info');
  }),
  scenario('swarm: there is none', async (s) => {
    for (const path of SWARM_PATHS) await s.http('GET', path);
    await s.http('GET', '/services/absent');
    await s.docker('service', 'ls');
    await s.docker('node', 'ls');
    await s.docker('swarm', 'leave');
  }),
  scenario('plugins', async (s) => {
    await s.http('GET', '/plugins');
    await s.docker('plugin', 'ls');
    await s.http('GET', '/plugins/absent/json');
  }),
  scenario('auth', async (s) => {
    await s.http('POST', '/auth', { username: 'me', password: 'secret', serveraddress: LOCKED_REGISTRY });
    await s.http('POST', '/auth', { username: 'me', password: 'wrong', serveraddress: LOCKED_REGISTRY });
    await s.http('POST', '/auth', { username: 'me', password: 'secret', serveraddress: REGISTRY });
    await s.http('POST', '/auth', {});
  }),
  scenario('login and logout', async (s) => {
    await s.docker('login', '-u', 'me', '-p', 'wrong', LOCKED_REGISTRY);
    await s.dockerWith('secret', 'login', '-u', 'me', '--password-stdin', LOCKED_REGISTRY);
    await s.docker('logout', LOCKED_REGISTRY);
  }),
  scenario('info: shape', async (s) => {
    await s.http<Record<string, unknown>>('GET', '/info', undefined, {
      only: (info) => Object.fromEntries(Object.keys(info).map((key) => [key, typeof info[key]])),
    });
  }),
  scenario('info: values', async (s) => {
    const stable = [
      ...['OSType', 'Architecture', 'MemoryLimit', 'SwapLimit', 'CpuCfsPeriod', 'CpuCfsQuota', 'CPUShares', 'CPUSet'],
      ...['IPv4Forwarding', 'NCPU', 'MemTotal', 'OomKillDisable', 'KernelVersion', 'OSVersion'],
      ...['CgroupDriver', 'CgroupVersion', 'IndexServerAddress', 'HttpProxy', 'LiveRestoreEnabled', 'LoggingDriver'],
      ...['Debug', 'PidsLimit', 'ExperimentalBuild', 'Isolation', 'Swarm', 'DefaultRuntime'],
    ];
    await s.http<Record<string, unknown>>('GET', '/info', undefined, {
      only: (info) => Object.fromEntries(stable.map((key) => [key, info[key]])),
    });
    await s.docker('info', '--format', '{{.OSType}} {{.NCPU}} {{.CgroupVersion}} {{.Swarm.LocalNodeState}}');
  }),
  alone('info: counts', async (s) => {
    await s.must('run', '-d', '--name', s.sub('running'), '--network', 'none', 'tare.test/base', 'sleep', '1000');
    await s.must('create', '--name', s.sub('created'), '--network', 'none', 'tare.test/base', 'true');
    await s.must('pause', s.sub('running'));
    await s.docker(
      'info',
      '--format',
      '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}',
    );
    await s.must('unpause', s.sub('running'));
    await s.docker(
      'info',
      '--format',
      '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}',
    );
  }),
  scenario('distribution', async (s) => {
    await s.http('GET', `/distribution/${REGISTRY}/absent:1/json`);
    const name = `${REGISTRY}/${s.name}:1`;
    await s.must('tag', 'tare.test/base', name);
    await s.must('push', '-q', name);
    await s.http<Record<string, unknown>>('GET', `/distribution/${name}/json`, undefined, {
      only: ({ Descriptor: descriptor, ...rest }) => ({ keys: Object.keys(descriptor as object).sort(), ...rest }),
    });
    await s.must('rmi', name);
  }),
  scenario('search is answered', async (s) => {
    await s.http('GET', '/images/search');
  }),
];
