import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { specOfRequest } from '../../../daemon/engine/spec-of-request.ts';
import type { Spec } from '../../../daemon/runtime/spec/types.ts';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { identifier } from './rows.ts';

let rootfs: string;
before(() => {
  rootfs = mkdtempSync(join(tmpdir(), 'tare-spec-'));
  mkdirSync(join(rootfs, 'etc'));
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv:/bin/sh\n');
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nweb:x:102:\nlog:x:7:web\n');
});
after(() => {
  rmSync(rootfs, { recursive: true, force: true });
});

function specOf(request: CreateRequest): Spec {
  const host = { nofileHard: 4096, thermalThrottle: [] };
  return specOfRequest({ request: { command: ['true'], ...request }, id: identifier(), rootfs, readonly: false, host });
}

function refused(request: CreateRequest, field: string, code = 'invalid_field'): void {
  assert.throws(() => specOf(request), { name: 'EngineError', code, field }, field);
}

test('what is asked for stands in the spec', () => {
  const spec = specOf({
    command: ['/bin/app', 'x'],
    env: ['A=1', 'PATH=/bin'],
    workdir: '/srv',
    user: 'web',
    umask: '027',
    hostname: 'box',
    tty: true,
    limits: { memory: '64MiB', pids: 5 },
    ulimits: [{ name: 'core', soft: 0, hard: -1 }],
    sysctls: { 'net.ipv4.ip_forward': '1' },
    security: { noNewPrivileges: true, maskedPaths: [] },
    mounts: [
      { type: 'bind', source: '/srv', target: '/data', readonly: true },
      { type: 'tmpfs', target: '/cache', size: '1m', mode: '1777' },
    ],
  });
  assert.deepEqual(spec.process?.args, ['/bin/app', 'x']);
  assert.deepEqual(spec.process.user, { uid: 101, gid: 102, additionalGids: [7], umask: 0o27 });
  assert.equal(spec.process.cwd, '/srv');
  assert.equal(spec.process.terminal, true);
  assert.equal(spec.process.noNewPrivileges, true);
  for (const variable of ['A=1', 'PATH=/bin', 'HOME=/srv', 'HOSTNAME=box', 'TERM=xterm']) {
    assert.ok(spec.process.env?.includes(variable), variable);
  }
  assert.ok(
    spec.process.rlimits?.some(
      ({ type, soft, hard }) => type === 'RLIMIT_CORE' && soft === 0 && hard === 2n ** 64n - 1n,
    ),
  );
  assert.equal(spec.hostname, 'box');
  assert.equal(spec.linux?.resources?.memory?.limit, 67_108_864);
  assert.deepEqual(spec.linux.resources.pids, { limit: 5 });
  assert.deepEqual(spec.linux.sysctl, { 'net.ipv4.ip_forward': '1' });
  assert.deepEqual(spec.linux.maskedPaths, []);
  assert.deepEqual(spec.mounts?.slice(-2), [
    { destination: '/data', type: 'bind', source: '/srv', options: ['rbind', 'ro', 'rprivate'] },
    {
      destination: '/cache',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'noexec', 'rw', 'size=1048576', 'mode=1777'],
    },
  ]);
});

test('capabilities are added and dropped by name', () => {
  const effective = (request: CreateRequest) => specOf(request).process?.capabilities?.effective ?? [];
  assert.equal(effective({}).length, 14);
  assert.ok(effective({ capabilities: { add: ['net_admin'] } }).includes('CAP_NET_ADMIN'));
  assert.deepEqual(effective({ capabilities: { drop: ['ALL'], add: ['CAP_CHOWN'] } }), ['CAP_CHOWN']);
  assert.ok(!effective({ capabilities: { drop: ['KILL'] } }).includes('CAP_KILL'));
  assert.ok(effective({ security: { privileged: true } }).length > 35);
  assert.deepEqual(specOf({ capabilities: { add: ['ALL'] } }).process?.capabilities?.inheritable, []);
});

test('a device of the host is taken over with its numbers, and allowed', () => {
  const spec = specOf({ devices: [{ source: '/dev/full', target: '/dev/voll', permissions: 'r' }] });
  const device = spec.linux?.devices?.at(-1);
  assert.deepEqual([device?.path, device?.type, device?.major, device?.minor], ['/dev/voll', 'c', 1, 7]);
  assert.deepEqual(spec.linux?.resources?.devices?.at(-1), { allow: true, type: 'c', major: 1, minor: 7, access: 'r' });
});

test('oci is merged last', () => {
  const spec = specOf({
    hostname: 'box',
    oci: { hostname: 'other', process: { args: ['/bin/else'] }, annotations: { a: 'b' } },
  });
  assert.equal(spec.hostname, 'other');
  assert.deepEqual(spec.process?.args, ['/bin/else']);
  assert.equal(spec.process.cwd, '/');
  assert.deepEqual(spec.annotations, { a: 'b' });
});

test('what is wrong is named as the request names it', () => {
  refused({ command: [] }, 'command');
  refused({ user: 'nobody-here' }, 'user');
  refused({ user: '4294967296' }, 'user');
  refused({ groups: ['nope'] }, 'groups[0]');
  refused({ capabilities: { add: ['CHOWN', 'FLY'] } }, 'capabilities.add[1]');
  refused({ capabilities: { drop: ['FLY'] } }, 'capabilities.drop[0]');
  refused({ ulimits: [{ name: 'nope', soft: 1, hard: 1 }] }, 'ulimits[0].name');
  refused({ ulimits: [{ name: 'core', soft: 2, hard: 1 }] }, 'ulimits[0].soft');
  refused({ mounts: [{ type: 'bind', target: '/data' }] }, 'mounts[0].source');
  refused({ mounts: [{ type: 'tmpfs', target: '/' }] }, 'mounts[0].target');
  refused(
    {
      mounts: [
        { type: 'tmpfs', target: '/a' },
        { type: 'tmpfs', target: '/b', source: '/c' },
      ],
    },
    'mounts[1].source',
  );
  refused({ devices: [{ source: '/dev/there-is-none' }] }, 'devices[0].source');
  refused({ devices: [{ source: '/etc/passwd' }] }, 'devices[0].source');
  refused({ limits: { memory: 7 } }, 'limits.memory');
  refused({ oci: { linux: { nope: 1 } } }, 'oci.linux.nope');
  refused({ oci: { process: { cwd: 'relative' } } }, 'oci.process.cwd');
  assert.throws(() => specOf({ sysctls: { 'kernel.core_pattern': 'x' } }), /sysctls/);
});

test('modes: namespaces of the host have no entry, and /dev/shm is what they say', () => {
  const types = (request: CreateRequest) => specOf(request).linux?.namespaces?.map(({ type }) => type);
  assert.deepEqual(types({}), ['pid', 'ipc', 'uts', 'mount', 'cgroup', 'network']);
  const host = specOf({ pid: 'host', ipc: 'host', uts: 'host', cgroupNamespace: 'host' });
  assert.deepEqual(
    host.linux?.namespaces?.map(({ type }) => type),
    ['mount', 'network'],
  );
  assert.equal(host.hostname, undefined);
  assert.ok(host.process?.env?.includes(`HOSTNAME=${hostname()}`));
  const memory = (request: CreateRequest) => specOf(request).mounts?.find((mount) => mount.destination === '/dev/shm');
  assert.deepEqual(memory({})?.options, ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']);
  assert.deepEqual(memory({ ipc: 'shareable', shmSize: '4097' })?.options?.at(-1), 'size=4097');
  assert.equal(memory({ ipc: 'none' }), undefined);
  assert.deepEqual([memory({ ipc: 'host' })?.type, memory({ ipc: 'host' })?.source], ['bind', '/dev/shm']);
  for (const ipc of ['none', 'host', 'container:x']) refused({ ipc, shmSize: '1m' }, 'shmSize');
  refused({ shmSize: 0 }, 'shmSize');
  refused({ uts: 'host', hostname: 'x' }, 'hostname');
});

test('a parameter of a namespace that is the host’s is refused', () => {
  refused({ ipc: 'host', sysctls: { 'kernel.shmmax': '1' } }, 'sysctls.kernel.shmmax');
  refused({ ipc: 'host', sysctls: { 'fs.mqueue.msg_max': '1' } }, 'sysctls.fs.mqueue.msg_max');
  refused({ uts: 'host', sysctls: { 'kernel.domainname': 'x' } }, 'sysctls.kernel.domainname');
  assert.ok(specOf({ pid: 'host', sysctls: { 'kernel.shmmax': '1' } }).linux?.sysctl);
});

test('rules of devices, GPUs and AppArmor', () => {
  assert.deepEqual(
    specOf({ deviceRules: ['c 10:200 rwm', 'b *:* r', 'a 1:* m'] }).linux?.resources?.devices?.slice(1),
    [
      { allow: true, type: 'c', major: 10, minor: 200, access: 'rwm' },
      { allow: true, type: 'b', access: 'r' },
      { allow: true, type: 'a', major: 1, access: 'm' },
    ],
  );
  refused({ deviceRules: ['c 1:1 r', 'c 1:1 ww'] }, 'deviceRules[1]');
  refused({ deviceRules: ['c 4294967296:1 r'] }, 'deviceRules[0]');
  refused({ gpus: 'all' }, 'gpus', 'unsupported');
  assert.equal(specOf({ security: { apparmor: 'web' } }).process?.apparmorProfile, 'web');
});
