/** Bodies of `POST /containers/create` as requests of the engine. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { CreateRequest } from '../../../shared/api/container.ts';
import { validator } from '../../../daemon/api/validation.ts';
import { readCreateBody } from '../../../daemon/docker/containers/translate/create-body.ts';
import { createRequest } from '../../../daemon/docker/containers/translate/create-request.ts';
import { DockerError } from '../../../daemon/docker/error.ts';
import { KNOWS, OTHER, translate } from './create-knows.ts';

const LOG = { driver: 'json-file' };

function refused(body: Record<string, unknown>, message: string | RegExp): void {
  assert.throws(
    () => translate(body),
    (error) => {
      assert.ok(error instanceof DockerError, String(error));
      assert.equal(error.status, 400);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );
}

function host(config: Record<string, unknown>): Record<string, unknown> {
  return translate({ HostConfig: config }).request;
}

test('what the docker CLI sends of a plain run is a plain request', () => {
  const { request, warnings } = translate({
    ...{
      Hostname: '',
      Domainname: '',
      User: '',
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
    },
    ...{ OpenStdin: false, StdinOnce: false, Env: null, Cmd: ['true'], Volumes: {}, WorkingDir: '', Entrypoint: null },
    ...{ OnBuild: null, Labels: {}, NetworkingConfig: { EndpointsConfig: {} } },
    HostConfig: {
      ...{ Binds: null, ContainerIDFile: '', LogConfig: { Type: '', Config: {} }, NetworkMode: 'default' },
      ...{ PortBindings: {}, RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: false, VolumeDriver: '' },
      ...{ VolumesFrom: null, CapAdd: null, CapDrop: null, Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: null },
      ...{ GroupAdd: null, IpcMode: '', Cgroup: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false },
      ...{ PublishAllPorts: false, ReadonlyRootfs: false, SecurityOpt: null, UTSMode: '', UsernsMode: '', ShmSize: 0 },
      ...{ ConsoleSize: [0, 0], Isolation: '', CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '', BlkioWeight: 0 },
      ...{ BlkioWeightDevice: [], BlkioDeviceReadBps: null, CpuPeriod: 0, CpuQuota: 0, CpusetCpus: '', Devices: [] },
      ...{ DeviceCgroupRules: null, DeviceRequests: null, KernelMemory: 0, MemorySwap: 0, MemorySwappiness: -1 },
      ...{ OomKillDisable: false, PidsLimit: 0, Ulimits: null, CpuCount: 0, MaskedPaths: null, ReadonlyPaths: null },
    },
  });
  assert.deepEqual(request, {
    ...{ image: 'busybox', command: ['true'], restart: { name: 'no' }, network: { files: true }, log: LOG },
  });
  assert.deepEqual(warnings, []);
});

test('names of fields are known in any case, null is nothing, the unknown is ignored', () => {
  const read = readCreateBody({
    image: 'b',
    CMD: 'sleep 5',
    hostconfig: { MEMORY: 8_000_000, foo: {} },
    Env: null,
    foo: 1,
  });
  assert.deepEqual(read, { Image: 'b', Cmd: ['sleep 5'], HostConfig: { Memory: 8_000_000 } });
});

test('another type than the expected one is refused by the name of its field', () => {
  refused({ Cmd: { a: 1 } }, 'json: cannot unmarshal object into field Cmd of type []string');
  refused({ HostConfig: { Memory: 'x' } }, 'json: cannot unmarshal string into field HostConfig.Memory of type int64');
  refused({ HostConfig: { Memory: 1.5 } }, /number 1\.5 into field HostConfig\.Memory/);
  refused({ HostConfig: { Memory: 2n ** 60n } }, /number 1152921504606846976 into field HostConfig\.Memory/);
  refused({ Env: ['a\0b'] }, 'invalid value for Env: it has a NUL');
});

test('entry point and command', () => {
  const of = (body: Record<string, unknown>) => {
    const { entrypoint, command } = translate(body).request;
    return { entrypoint, command };
  };
  assert.deepEqual(of({ Entrypoint: 'a', Cmd: ['b'] }), { entrypoint: ['a'], command: ['b'] });
  assert.deepEqual(of({ Entrypoint: [], Cmd: [] }), { entrypoint: [], command: undefined });
  assert.deepEqual(of({ Entrypoint: [''], Cmd: ['b'] }), { entrypoint: [], command: ['b'] });
  refused({ Entrypoint: [''] }, 'No command specified');
});

test('binds, mounts, tmpfs and volumes; what lies in another comes after it', () => {
  const { mounts, mkdir } = translate({
    Volumes: { '/data/': {}, '/x': {} },
    HostConfig: {
      Binds: ['/there:/x:ro,z,rslave', 'named:/x/y:nocopy', '/missing:/m', '/anonymous'],
      Mounts: [
        { Type: 'volume', Target: '/v', Source: 'v', VolumeOptions: { Labels: { a: 'b' }, Subpath: 'sub' } },
        { Type: 'bind', Source: '/made', Target: '/made', BindOptions: { CreateMountpoint: true, NonRecursive: true } },
        {
          Type: 'tmpfs',
          Target: '/t',
          TmpfsOptions: { SizeBytes: 4096, Mode: 0o700, Options: [['exec'], ['uid', '5']] },
        },
        { Type: 'image', Source: 'i', Target: '/i', ReadOnly: true },
      ],
      Tmpfs: { '/run': 'rw,noexec,size=65536k,mode=1777' },
      VolumesFrom: ['other:ro'],
    },
  }).request;
  assert.deepEqual(mounts, [
    { type: 'bind', source: '/there/of-other', target: '/other', readonly: true },
    { type: 'volume', source: 'shared', target: '/shared', readonly: true },
    { type: 'bind', source: '/there', target: '/x', readonly: true, propagation: 'rslave' },
    { type: 'bind', source: '/missing', target: '/m' },
    { type: 'volume', target: '/anonymous' },
    { type: 'volume', source: 'v', target: '/v', labels: { a: 'b' }, subpath: 'sub' },
    { type: 'bind', source: '/made', target: '/made', recursive: false },
    { type: 'tmpfs', target: '/t', size: 4096, mode: '0700', options: ['exec', 'uid=5'] },
    { type: 'image', source: 'i', target: '/i', readonly: true },
    { type: 'tmpfs', target: '/run', options: ['noexec', 'size=65536k', 'mode=1777'] },
    { type: 'volume', target: '/data' },
    { type: 'volume', source: 'named', target: '/x/y', noCopy: true },
  ]);
  assert.deepEqual(mkdir, ['/missing', '/made']);
});

test('mounts that are wrong, in the words of dockerd', () => {
  const binds: Record<string, string> = {
    '/there:/a:foo': 'invalid mode: foo',
    '/there:ro': "invalid volume specification: '/there:ro'",
    'a:b:c:d': "invalid volume specification: 'a:b:c:d'",
    '/there:/a:ro,rw': 'invalid mode: ro,rw',
  };
  for (const [bind, message] of Object.entries(binds)) refused({ HostConfig: { Binds: [bind] } }, message);
  refused({ HostConfig: { Binds: ['/there:/'] } }, /destination can't be '\/'$/);
  refused({ HostConfig: { Binds: ['./here:/a'] } }, /includes invalid characters for a local volume name/);
  refused({ HostConfig: { Binds: ['/there:/a', '/there/b:/a/'] } }, 'Duplicate mount point: /a');
  const mount = (type: string, more: object) => ({ HostConfig: { Mounts: [{ Type: type, Target: '/a', ...more }] } });
  refused(mount('foo', {}), 'invalid mount config for type "foo": mount type unknown');
  refused(
    mount('bind', { Source: '/nope' }),
    'invalid mount config for type "bind": bind source path does not exist: /nope',
  );
  refused(mount('tmpfs', { Source: 'x' }), 'invalid mount config for type "tmpfs": field Source must not be specified');
  refused(mount('bind', { Source: '/there', TmpfsOptions: {} }), /field TmpfsOptions must not be specified$/);
  refused(
    mount('volume', { VolumeOptions: { DriverConfig: { Options: { type: 'nfs' } } } }),
    /options of the volume driver/,
  );
  refused(mount('volume', { Source: 'v', VolumeOptions: { Subpath: '../..' } }), /subpath must be a relative path/);
  refused({ HostConfig: { Tmpfs: { '/t': 'source=/etc' } } }, 'invalid tmpfs option "source=/etc"');
});

test('ports: single ones, ranges to choose from, any, and all', () => {
  const { network } = translate({
    ExposedPorts: { '90': {}, '8000-8001/udp': {} },
    HostConfig: {
      PublishAllPorts: true,
      PortBindings: {
        '80/tcp': [{ HostPort: '8080' }, { HostIp: '::1', HostPort: '81-90' }],
        '53/UDP': [{}],
        '5/sctp': [{ HostPort: '0' }],
        '6': null,
      },
    },
  }).request;
  assert.deepEqual(network, {
    files: true,
    publish: [
      // an object's members that are numbers come first
      { containerPort: 80, hostPort: 8080, protocol: 'tcp' },
      { containerPort: 80, hostPort: 81, hostPortLast: 90, hostAddress: '::1', protocol: 'tcp' },
      { containerPort: 53, protocol: 'udp' },
      { containerPort: 5, protocol: 'sctp' },
    ],
    publishAll: true,
    expose: ['90/tcp', '8000/udp', '8001/udp'],
  });
  const { request, warnings } = translate({ HostConfig: { NetworkMode: 'host', PortBindings: { '80/tcp': [{}] } } });
  assert.deepEqual(request.network, { mode: 'host', files: true });
  assert.deepEqual(warnings, ['Published ports are discarded when using host network mode']);
  refused({ HostConfig: { PortBindings: { 'x/tcp': [{}] } } }, 'invalid port specification: "x"');
  refused(
    { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '70000' }] } } },
    'invalid port specification: "70000"',
  );
});

test('networks: by mode, by configuration, with addresses and names', () => {
  const network = (body: Record<string, unknown>, version?: number) => translate(body, version).request.network;
  assert.deepEqual(network({ NetworkingConfig: { EndpointsConfig: { default: {} } } }), { files: true });
  assert.deepEqual(network({ NetworkDisabled: true }), { mode: 'none', files: true });
  assert.deepEqual(network({ HostConfig: { NetworkMode: 'bridge' } }), { mode: 'bridge' });
  assert.deepEqual(network({ HostConfig: { NetworkMode: 'container:other' } }), { mode: `container:${OTHER}` });
  assert.deepEqual(network({ MacAddress: '02-42-00-00-00-01' }), {
    mode: 'bridge',
    files: true,
    networks: [{ network: 'bridge', mac: '02:42:00:00:00:01' }],
  });
  const EndpointsConfig = {
    front: { Aliases: ['web', 'web'], IPAMConfig: { IPv4Address: '10.0.0.5' } },
    back: { GwPriority: 1, DriverOpts: { 'com.docker.network.endpoint.ifname': 'eth9' } },
  };
  const several = { HostConfig: { NetworkMode: 'front' }, NetworkingConfig: { EndpointsConfig } };
  assert.deepEqual(network(several), {
    mode: 'bridge',
    networks: [
      { network: 'back', interface: 'eth9' },
      { network: 'front', ipv4: '10.0.0.5', aliases: ['web'] },
    ],
  });
  assert.throws(() => network(several, 43), /Container cannot be connected to network endpoints: front, back/);
  assert.deepEqual(
    network({ HostConfig: { Links: ['other:db'], ExtraHosts: ['a:1.2.3.4', 'b=[::1]', 'h:host-gateway'] } }),
    {
      files: true,
      hosts: [
        { name: 'a', address: '1.2.3.4' },
        { name: 'b', address: '::1' },
        { name: 'h', address: 'host-gateway' },
        { name: 'db', address: `container:${OTHER}` },
      ],
    },
  );
  refused({ HostConfig: { Links: ['nope:db'] } }, 'could not get container for nope: No such container: nope');
  refused({ HostConfig: { ExtraHosts: ['foo'] } }, 'bad format for add-host: "foo"');
  refused(
    { Hostname: 'x', HostConfig: { NetworkMode: 'container:other' } },
    'conflicting options: hostname and the network mode',
  );
});

test('limits, in the units and words of dockerd', () => {
  assert.deepEqual(host({ Memory: 8_000_000, NanoCpus: 500_000_000, PidsLimit: -1, CpuShares: 1 }).limits, {
    memory: 8_000_000,
    memorySwap: 16_000_000,
    cpus: 0.5,
    cpuShares: 2,
    pids: -1,
  });
  refused({ HostConfig: { Memory: 1000 } }, 'Minimum memory limit allowed is 6MB');
  refused({ HostConfig: { MemorySwap: 8_000_000 } }, /You should always set the Memory limit/);
  refused({ HostConfig: { NanoCpus: 3e9 } }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available');
  refused({ HostConfig: { CpusetCpus: '0-5' } }, 'Requested CPUs are not available - requested 0-5, available: 0-1');
  const { request, warnings } = translate({ HostConfig: { BlkioWeight: 100, KernelMemory: 10_000_000 } });
  assert.equal(request.limits, undefined);
  assert.equal(warnings.length, 2);
});

test('the parent of its control groups', () => {
  assert.equal(host({ CgroupParent: '/pods/one' }).cgroupParent, '/pods/one');
  assert.equal(host({ CgroupParent: 'pods' }).cgroupParent, '/pods');
  assert.equal(host({ CgroupParent: '' }).cgroupParent, undefined);
  for (const parent of ['a\nb', 'a'.repeat(3072)]) {
    refused({ HostConfig: { CgroupParent: parent } }, /^invalid cgroup parent: /);
  }
});

test('restart, health, log', () => {
  assert.deepEqual(host({ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } }).restart, {
    name: 'on-failure',
    maximumRetryCount: 3,
  });
  refused({ HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } } }, /AutoRemove/);
  const second = 1_000_000_000;
  const Healthcheck = { Test: ['CMD-SHELL', 'true'], Interval: second, Retries: 0 };
  assert.deepEqual(translate({ Healthcheck }).request.healthcheck, { test: ['CMD-SHELL', 'true'], interval: second });
  assert.deepEqual(translate({ Healthcheck, Shell: ['/bin/ash', '-c'] }).request.healthcheck?.test, [
    ...['CMD', '/bin/ash', '-c', 'true'],
  ]);
  refused({ Healthcheck: { Interval: 1 } }, 'Interval in Healthcheck cannot be less than 1ms');
  const log = (Type: string, Config: Record<string, string> = {}) => host({ LogConfig: { Type, Config } }).log;
  assert.deepEqual(log('none'), { driver: 'none' });
  assert.deepEqual(log('local', { 'max-size': '10m', 'max-file': '3' }), { ...LOG, maxSize: 10_485_760, maxFiles: 3 });
  refused({ HostConfig: { LogConfig: { Type: 'syslog' } } }, /^logging driver "syslog" is not there/);
  refused(
    { HostConfig: { LogConfig: { Type: 'foo' } } },
    'error looking up logging plugin foo: plugin "foo" not found',
  );
});

test('what cannot be had is refused by its name', () => {
  refused(
    { HostConfig: { DeviceRequests: [{ Capabilities: [['gpu']] }] } },
    /could not select device driver "" with capabilities: \[\[gpu\]\]/,
  );
  refused({ HostConfig: { Runtime: 'kata' } }, 'Unknown runtime specified kata');
  refused({ HostConfig: { UsernsMode: 'keep-id' } }, 'invalid user namespace mode: keep-id');
  refused({ HostConfig: { SecurityOpt: ['apparmor=mine'] } }, /^AppArmor profile "mine" cannot be applied/);
  refused({ HostConfig: { SecurityOpt: ['foo'] } }, 'invalid --security-opt 1: "foo"');
  refused({ HostConfig: { StorageOpt: { size: '1g' } } }, /^--storage-opt is supported only/);
});

test('devices: one, all of a directory, none that is missing', () => {
  const Devices = [{ PathOnHost: '/there/devices', PathInContainer: '/dev/x', CgroupPermissions: 'r' }];
  assert.deepEqual(host({ Devices }).devices, [
    { source: '/there/devices/a', target: '/dev/x/a', permissions: 'r' },
    { source: '/there/devices/b/c', target: '/dev/x/b/c', permissions: 'r' },
  ]);
  refused({ HostConfig: { Devices: [{ PathOnHost: '/dev/nope' }] } }, /custom device "\/dev\/nope": no such file/);
});

test('a seccomp profile of Docker’s: the rules that count for this container', () => {
  const profile = {
    ...{ defaultAction: 'SCMP_ACT_ERRNO', archMap: [{ architecture: 'SCMP_ARCH_OTHER', subArchitectures: null }] },
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW', args: null, comment: '', includes: {}, excludes: {} },
      { name: 'write', action: 'SCMP_ACT_ALLOW' },
      { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['chown'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_CHOWN'], minKernel: '3.1' } },
      { names: ['clone'], action: 'SCMP_ACT_ALLOW', excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['odd'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['s390'] } },
      { names: ['new'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '999.0' } },
    ],
  };
  const allowed = (more: object): string[] => {
    const { request } = translate({ HostConfig: { SecurityOpt: [`seccomp=${JSON.stringify(profile)}`], ...more } });
    const { syscalls } = request.security?.seccomp as { syscalls: { names: string[] }[] };
    return syscalls.flatMap(({ names }) => names);
  };
  assert.deepEqual(allowed({}), ['read', 'write', 'chown', 'clone']);
  assert.deepEqual(allowed({ CapAdd: ['SYS_ADMIN'], CapDrop: ['CHOWN'] }), ['read', 'write', 'bpf']);
  assert.deepEqual(allowed({ CapDrop: ['ALL'] }), ['read', 'write', 'clone']);
  refused({ HostConfig: { SecurityOpt: ['seccomp={'] } }, /^Decoding seccomp profile failed: /);
});

/** JSON with the names that mean something, so that chance gets past the first check. */
function body(): fc.Arbitrary<unknown> {
  const names = fc.constantFrom(
    ...['Image', 'Cmd', 'Env', 'HostConfig', 'Binds', 'Mounts', 'Type', 'Target', 'Source', 'PortBindings', 'HostPort'],
    ...['Memory', 'NetworkMode', 'NetworkingConfig', 'EndpointsConfig', 'Tmpfs', 'SecurityOpt', 'Healthcheck', 'Test'],
    ...['Ulimits', 'Devices', 'ExtraHosts', 'Links', 'LogConfig', 'Config', 'Labels', '80/tcp', 'a', '__proto__x'],
  );
  const leaf = fc.oneof(
    fc.constantFrom(
      'bind',
      'volume',
      '/there:/x',
      'a:/b',
      'bridge',
      'container:other',
      'other:x',
      'a:1.2.3.4',
      '/x',
      '80',
    ),
    fc.string({ maxLength: 12 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.double(),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(names, fc.string({ maxLength: 6 })), tie('value'), { maxKeys: 6 }),
    ),
  }));
  return fc.dictionary(names, value, { maxKeys: 8 }).map((given) => ({ Image: 'busybox', ...given }));
}

test('any JSON is a request that the native API would take, or a 400', () => {
  const validate = validator(CreateRequest);
  fc.assert(
    fc.property(body(), fc.integer({ min: 24, max: 51 }), (given, version) => {
      try {
        const asked = { body: readCreateBody(given), name: undefined, platform: undefined, version };
        validate(createRequest(asked, KNOWS).request);
      } catch (error) {
        assert.ok(error instanceof DockerError, error instanceof Error ? error.stack : String(error));
        assert.equal(error.status, 400);
        assert.ok(error.message.length < 4000, error.message);
      }
    }),
    { numRuns: 1500 },
  );
});
