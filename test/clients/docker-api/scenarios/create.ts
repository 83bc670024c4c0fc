/** POST /containers/create and `docker create`. */
import { BASE, RICH } from '../images.ts';
import { scenario } from '../runner.ts';
import { created, wish } from '../words.ts';

export const create = [
  scenario('create: the answer', async (s) => {
    await s.http('POST', `/containers/create?name=${s.name}`, wish());
    await s.docker('create', '--name', s.sub('cli'), '--network', 'none', BASE);
  }),
  scenario('create: a name that is taken', async (s) => {
    await created(s, s.name);
    await s.http('POST', `/containers/create?name=${s.name}`, wish());
    await s.docker('create', '--name', s.name, BASE);
    await s.docker('run', '--rm', '--name', s.name, BASE);
  }),
  scenario('create: names that are none', async (s) => {
    for (const name of ['-x', 'a', 'a%20b', '%2Fslash%2Fslash', 'ü', `x${'y'.repeat(300)}!`]) {
      await s.http('POST', `/containers/create?name=${name}`, wish());
    }
  }),
  scenario('create: an image that is not there', async (s) => {
    await s.http('POST', `/containers/create?name=${s.name}`, wish({ Image: 'tare.test/absent' }));
    await s.http('POST', `/containers/create?name=${s.name}`, wish({ Image: 'tare.test/base:absent' }));
    await s.http('POST', '/containers/create', wish({ Image: `sha256:${'0'.repeat(64)}` }));
    await s.docker('run', '--pull', 'never', '--rm', 'tare.test/absent');
  }),
  scenario('create: images that are no names', async (s) => {
    for (const Image of ['', 'UPPER/case', 'a b', '/x', 'x:y:z'])
      await s.http('POST', '/containers/create', wish({ Image }));
    await s.http('POST', '/containers/create', { HostConfig: {} });
  }),
  scenario('create: bodies that are none', async (s) => {
    await s.http('POST', '/containers/create');
    await s.http('POST', '/containers/create', '{');
    await s.http('POST', '/containers/create', '[]');
    await s.http('POST', '/containers/create', 'null');
    await s.http('POST', '/containers/create', '{"Image":7}');
    await s.http('POST', '/containers/create', wish(), { headers: { 'content-type': 'text/plain' } });
  }),
  scenario('create: no command', async (s) => {
    await s.must('import', '-c', 'ENV A=b', s.engine.images.path, 'tare.test/no-command');
    await s.http('POST', `/containers/create?name=${s.name}`, { Image: 'tare.test/no-command' });
    await s.must('rmi', 'tare.test/no-command');
  }),
  scenario('create: limits that cannot be', async (s) => {
    await s.http('POST', '/containers/create', wish({}, { Memory: 1 << 20 }));
    await s.http('POST', '/containers/create', wish({}, { Memory: 64 << 20, MemorySwap: 32 << 20 }));
    await s.http('POST', '/containers/create', wish({}, { MemorySwap: 64 << 20 }));
    await s.http('POST', '/containers/create', wish({}, { NanoCpus: 1e15 }));
    await s.http('POST', '/containers/create', wish({}, { NanoCpus: 1e9, CpuQuota: 50_000 }));
    await s.http('POST', '/containers/create', wish({}, { CpusetCpus: '999' }));
    await s.http('POST', '/containers/create', wish({}, { Memory: 64 << 20, MemoryReservation: 128 << 20 }));
  }),
  scenario('create: modes that cannot be', async (s) => {
    await s.http('POST', '/containers/create', wish({}, { NetworkMode: 'container:absent' }));
    await s.http('POST', '/containers/create', wish({}, { PidMode: 'wrong' }));
    await s.http('POST', '/containers/create', wish({}, { IpcMode: 'wrong' }));
    await s.http('POST', '/containers/create', wish({}, { UTSMode: 'wrong' }));
    await s.http('POST', '/containers/create', wish({}, { CgroupnsMode: 'wrong' }));
    await s.http('POST', '/containers/create', wish({}, { RestartPolicy: { Name: 'wrong' } }));
    await s.http('POST', '/containers/create', wish({}, { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } }));
    await s.http('POST', '/containers/create', wish({}, { AutoRemove: true, RestartPolicy: { Name: 'always' } }));
  }),
  scenario('create: more that cannot be', async (s) => {
    await s.http('POST', '/containers/create', wish({ StopSignal: 'SIGNOTHING' }));
    await s.http('POST', '/containers/create', wish({ WorkingDir: 'relative' }));
    await s.http('POST', '/containers/create', wish({ Healthcheck: { Test: ['CMD', 'true'], Interval: 5 } }));
    await s.http('POST', '/containers/create', wish({ Healthcheck: { Test: ['WRONG', 'true'] } }));
    await s.http('POST', '/containers/create', wish({ Env: ['=x'] }));
    await s.http('POST', '/containers/create', wish({ Hostname: 'not a host' }));
    await s.http('POST', '/containers/create', wish({ ExposedPorts: { 'x/tcp': {} } }));
    await s.http('POST', '/containers/create', wish({}, { LogConfig: { Type: 'json-file', Config: { wrong: '1' } } }));
    await s.http('POST', '/containers/create', wish({}, { Runtime: 'absent' }));
    await s.http('POST', '/containers/create', wish({}, { SecurityOpt: ['wrong'] }));
    await s.http('POST', '/containers/create', wish({}, { ShmSize: -1 }));
  }),
  scenario('create: mounts that cannot be', async (s) => {
    const tries = [
      { Binds: ['relative:/x'] },
      { Binds: ['/a:/b:/c:/d'] },
      { Binds: ['/tmp:relative'] },
      { Binds: ['/tmp:/x:wrong'] },
      { Binds: ['/tmp:/x', '/var:/x'] },
      { Mounts: [{ Type: 'bind', Source: '/absent-here', Target: '/x' }] },
      { Mounts: [{ Type: 'bind', Source: '/tmp', Target: '' }] },
      { Mounts: [{ Type: 'wrong', Source: '/tmp', Target: '/x' }] },
      { Mounts: [{ Type: 'tmpfs', Source: '/tmp', Target: '/x' }] },
      { Tmpfs: { '/x': 'wrong=1' } },
      { VolumesFrom: ['absent'] },
    ];
    for (const host of tries) await s.http('POST', '/containers/create', wish({}, host));
  }),
  scenario('create: platforms', async (s) => {
    await s.http('POST', `/containers/create?name=${s.name}&platform=linux/amd64`, wish());
    await s.http('POST', '/containers/create?platform=linux/arm64', wish());
    await s.http('POST', '/containers/create?platform=nonsense', wish());
  }),
  scenario('create: warnings', async (s) => {
    const { body } = await s.http<{ Id: string }>(
      'POST',
      '/containers/create',
      wish({}, { Memory: 64 << 20, OomKillDisable: false, KernelMemory: 0 }),
    );
    await s.ask('DELETE', `/containers/${body.Id}`);
  }),
  scenario('create: two networks in one request', async (s) => {
    await s.must('network', 'create', s.sub('a'));
    await s.must('network', 'create', s.sub('b'));
    const EndpointsConfig = { [s.sub('a')]: {}, [s.sub('b')]: {} };
    await s.http('POST', `/containers/create?name=${s.name}`, {
      Image: BASE,
      HostConfig: { NetworkMode: s.sub('a') },
      NetworkingConfig: { EndpointsConfig },
    });
    await s.http('POST', '/containers/create', { Image: BASE, HostConfig: { NetworkMode: s.sub('absent') } });
  }),
  scenario('create: what the image says is inherited', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', RICH);
    await s.docker('inspect', '--format', '{{json .Config}}', s.name);
    await s.must(
      'create',
      '--name',
      s.sub('other'),
      '--network',
      'none',
      '-e',
      'COLOUR=red',
      '-u',
      'root',
      '-w',
      '/tmp',
      RICH,
      'mine',
    );
    await s.docker('inspect', '--format', '{{json .Config}}', s.sub('other'));
    await s.must('create', '--name', s.sub('entry'), '--network', 'none', '--entrypoint', '/bin/ls', RICH);
    await s.docker('inspect', '--format', '{{json .Config}} {{.Path}} {{.Args}}', s.sub('entry'));
  }),
];
