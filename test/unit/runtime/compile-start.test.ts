import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { CLONE_FLAGS, MOUNT_ATTR, MS } from '../../../daemon/runtime/plan/kernel.ts';
import type { Operation, Plan } from '../../../daemon/runtime/plan/operations.ts';
import { defaultSeccomp } from '../../../daemon/runtime/seccomp/default-profile.ts';
import { defaultSpec, mergeSpec } from '../../../daemon/runtime/spec/default-spec.ts';
import type { SpecError } from '../../../daemon/runtime/spec/error.ts';
import type { Mount, Spec } from '../../../daemon/runtime/spec/types.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { HYBRID, V2, named, names, refusal, startTarget } from './targets.ts';

const { RDONLY, NOSUID, NODEV, NOEXEC, STRICTATIME } = MOUNT_ATTR;

function spec(partial: unknown = {}): Spec {
  const base = defaultSpec({
    host: { nofileHard: 20_000, thermalThrottle: [] },
    args: ['sh', '-c', 'true'],
    hostname: 'web',
    seccomp: defaultSeccomp(new Set()),
  });
  return validateSpec(mergeSpec(base, partial), { unknown: 'refuse' });
}

function mounted(...mounts: Mount[]): Spec {
  return spec({ mounts: [...(spec().mounts ?? []), ...mounts] });
}

/** `wanted` stand in the plan in this order, other operations between them or not. */
function inOrder(plan: Plan, wanted: readonly Operation['op'][]): void {
  let from = 0;
  for (const name of wanted) {
    const at = names(plan).indexOf(name, from);
    assert.ok(at >= 0, `${name} is missing after operation ${String(from)}: ${names(plan).join(' ')}`);
    from = at + 1;
  }
}

test('the default container on a hybrid host, step by step', () => {
  const plan = compileStart(spec(), startTarget());
  inOrder(plan, [
    'clone',
    'cgroup_make',
    'cgroup_join',
    'loopback_up',
    'root_propagation',
    'root_overlay',
    'mount',
    'await_settled',
    'cgroup_namespace',
    'mount',
    'bind',
    'symlink',
    'mount_attributes',
    'device',
    'symlink',
    'readonly',
    'masked',
    'pivot_root',
    'hostname',
    'keyring',
    'rlimit',
    'working_directory',
    'seccomp',
    'bounding_set',
    'user',
    'capabilities',
    'umask',
    'environment',
    'exec',
  ]);
  const { pid, network, ipc, uts, mount } = CLONE_FLAGS;
  assert.deepEqual(named(plan, 'clone'), [{ op: 'clone', flags: pid | network | ipc | uts | mount }]);
  assert.equal(named(plan, 'await_settled').length, 1);
  const types = named(plan, 'mount').map(({ type, target }) => `${type} ${target}`);
  assert.deepEqual(types, [
    'proc /proc',
    'tmpfs /dev',
    'devpts /dev/pts',
    'tmpfs /dev/shm',
    'mqueue /dev/mqueue',
    'sysfs /sys',
    'tmpfs /sys/fs/cgroup',
  ]);
  const dev = named(plan, 'mount').find(({ target }) => target === '/dev');
  assert.deepEqual(dev, {
    op: 'mount',
    type: 'tmpfs',
    source: 'tmpfs',
    target: '/dev',
    options: ['mode=755', 'size=65536k'],
    attributes: NOSUID | STRICTATIME,
    flags: 0,
  });
  assert.deepEqual(named(plan, 'root_propagation'), [{ op: 'root_propagation', flags: MS.PRIVATE | MS.REC }]);
  assert.deepEqual(named(plan, 'keyring'), [{ op: 'keyring', name: '_ses.one' }]);
  assert.deepEqual(named(plan, 'terminal'), []);
});

test('each hierarchy is seen as the container’s own group, read-only', () => {
  const plan = compileStart(spec(), startTarget());
  const binds = named(plan, 'bind');
  assert.deepEqual(
    binds.map(({ source, target }) => [source, target]),
    [...HYBRID.v1, HYBRID.v2].map((hierarchy) => {
      const mount = hierarchy?.mount ?? '';
      return [`${mount}/tare-0/one`, mount];
    }),
  );
  for (const { set, recursive } of binds) assert.deepEqual([set, recursive], [RDONLY | NOSUID | NODEV | NOEXEC, 0]);
  assert.ok(names(plan).indexOf('await_settled') < names(plan).indexOf('bind'));
  const links = named(plan, 'symlink').filter(({ path }) => path.startsWith('/sys'));
  assert.deepEqual(links, [
    { op: 'symlink', path: '/sys/fs/cgroup/cpu', to: 'cpu,cpuacct' },
    { op: 'symlink', path: '/sys/fs/cgroup/cpuacct', to: 'cpu,cpuacct' },
  ]);
});

test('cgroup v2: born in the group, nothing to wait for', () => {
  const plan = compileStart(spec(), startTarget({ cgroups: V2 }));
  const at = (name: Operation['op']): number => names(plan).indexOf(name);
  assert.ok(at('cgroup_into') >= 0 && at('cgroup_into') < at('clone'));
  assert.equal(at('await_settled'), -1);
  assert.ok(at('cgroup_namespace') >= 0);
  const view = named(plan, 'bind').find(({ target }) => target === '/sys/fs/cgroup');
  assert.equal(view?.source, '/sys/fs/cgroup/tare-0/one');
});

test('without a cgroup namespace the groups are read-only, whatever is asked for (CVE-2023-25809)', () => {
  const types = ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type }));
  const mounts: Mount[] = [{ destination: '/sys/fs/cgroup', type: 'cgroup', options: ['rw'] }];
  const shared = spec({ mounts, linux: { namespaces: types } });
  for (const cgroups of [HYBRID, V2]) {
    const plan = compileStart(shared, startTarget({ cgroups }));
    assert.equal(named(plan, 'cgroup_namespace').length, 0);
    for (const { set } of named(plan, 'bind')) assert.ok((Number(set) & RDONLY) !== 0);
    for (const { attributes, type } of named(plan, 'mount'))
      if (type === 'cgroup2') assert.ok((Number(attributes) & RDONLY) !== 0);
  }
  const maps = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const linux = { namespaces: [...types, { type: 'user' }], uidMappings: maps, gidMappings: maps };
  const inUser = compileStart(spec({ mounts, linux }), startTarget({ cgroups: V2 }));
  const [view] = named(inUser, 'bind').filter(({ target }) => target === '/sys/fs/cgroup');
  assert.equal(view?.source, '/sys/fs/cgroup', 'the kernel would not mount it there');
  assert.ok((Number(view.set) & RDONLY) !== 0);
  const own = compileStart(spec({ mounts }), startTarget());
  for (const { set } of named(own, 'bind')) assert.equal(Number(set) & RDONLY, 0);
});

test('a host without control groups refuses the mount by name', () => {
  const error = refusal(() =>
    compileStart(spec({ linux: { resources: null } }), startTarget({ cgroups: { mode: 'none', v1: [] } })),
  );
  assert.deepEqual([error.field, error.kind], ['mounts[6].type', 'unsupported']);
});

test('the filter comes last with no_new_privs, before the user without', () => {
  const without = names(compileStart(spec(), startTarget()));
  assert.ok(without.indexOf('seccomp') < without.indexOf('bounding_set'));
  const plan = compileStart(spec({ process: { noNewPrivileges: true } }), startTarget({ awaitGo: true }));
  const last = ['umask', 'working_directory', 'environment', 'await_go', 'no_new_privs', 'seccomp', 'exec'];
  assert.deepEqual(names(plan).slice(-7), last);
});

test('a bind with every kind of option', () => {
  const options = ['rbind', 'ro', 'rnoexec', 'rslave', 'suid'];
  const plan = compileStart(mounted({ destination: '/data', type: 'bind', source: 'data', options }), startTarget());
  assert.deepEqual(named(plan, 'bind').at(-1), {
    op: 'bind',
    source: '/bundle/data',
    target: '/data',
    recursive: 1,
    set: RDONLY,
    clear: NOSUID,
    set_all: NOEXEC,
    clear_all: 0,
    propagation: MS.SLAVE | MS.REC,
    tree: -1,
  });
  assert.deepEqual(named(plan, 'root_propagation'), [{ op: 'root_propagation', flags: MS.SLAVE | MS.REC }]);
});

test('mounts that are refused by name', () => {
  const cases: readonly (readonly [Mount, field: string, kind: SpecError['kind']])[] = [
    [{ destination: '/x', type: 'bind', source: '/a', options: ['size=1'] }, 'mounts[7].options', 'invalid'],
    [{ destination: '/x', type: 'bind', source: '/a', options: ['lazytime'] }, 'mounts[7].options', 'invalid'],
    [{ destination: '/dev/shm', options: ['remount', 'size=1m'] }, 'mounts[7].options', 'unsupported'],
    [{ destination: '/x', type: 'proc', options: ['tmpcopyup'] }, 'mounts[7].options', 'invalid'],
    [{ destination: '/proc', type: 'tmpfs' }, 'mounts[7].destination', 'invalid'],
    [{ destination: '/proc', type: 'bind', source: '/evil', options: ['bind'] }, 'mounts[7].destination', 'invalid'],
    [{ destination: '/proc/sys', type: 'bind', source: '/a' }, 'mounts[7].destination', 'invalid'],
    [{ destination: '/proc/self/attr/exec', type: 'bind', source: '/a' }, 'mounts[7].destination', 'invalid'],
    [{ destination: '/x', type: 'cgroup', options: ['name=x'] }, 'mounts[7].options', 'invalid'],
  ];
  for (const [mount, field, kind] of cases) {
    const error = refusal(() => compileStart(mounted(mount), startTarget()));
    assert.deepEqual([error.field, error.kind], [field, kind], error.message);
  }
  assert.doesNotThrow(() =>
    compileStart(mounted({ destination: '/proc/meminfo', type: 'bind', source: '/lxcfs/meminfo' }), startTarget()),
  );
});

test('a tmpfs that takes over what was there, and is read-only, becomes so afterwards', () => {
  const tmpfs: Mount = { destination: '/run', type: 'tmpfs', options: ['ro', 'tmpcopyup', 'size=1m', 'rprivate'] };
  const plan = compileStart(mounted(tmpfs), startTarget());
  const at = plan.findIndex((operation) => operation.op === 'mount' && operation.target === '/run');
  assert.deepEqual(plan.slice(at, at + 3), [
    { op: 'mount', type: 'tmpfs', source: 'tmpfs', target: '/run', options: ['size=1m'], attributes: 0, flags: 1 },
    { op: 'mount_attributes', target: '/run', set: RDONLY, clear: 0, recursive: 0, propagation: 0 },
    { op: 'mount_attributes', target: '/run', set: 0, clear: 0, recursive: 0, propagation: MS.PRIVATE | MS.REC },
  ]);
});

test('a read-only root is closed after all mounts, and what a bind brings along at once', () => {
  const plan = compileStart(spec({ root: { readonly: true } }), startTarget({ root: { kind: 'bind', source: '/r' } }));
  const roots = plan.flatMap((operation, index) =>
    operation.op === 'mount_attributes' && operation.target === '/' ? [{ ...operation, index }] : [],
  );
  assert.deepEqual(
    roots.map(({ set, clear, recursive }) => [set, clear, recursive]),
    [
      [RDONLY, 0, 1],
      [0, RDONLY, 0],
      [RDONLY, 0, 0],
    ],
  );
  assert.equal(roots[2]?.index, names(plan).indexOf('pivot_root') - 1);
});

test('a user namespace: maps before anything is made, devices bound, userxattr', () => {
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const types = ['user', 'pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
  const rootless = spec({ linux: { namespaces: types, uidMappings: mapping, gidMappings: mapping } });
  const plan = compileStart(rootless, startTarget());
  inOrder(plan, [
    'clone',
    'gid_map',
    'uid_map',
    'await_settled',
    'loopback_up',
    'become_root',
    'root_overlay',
    'device_bind',
  ]);
  assert.deepEqual(named(plan, 'uid_map'), [{ op: 'uid_map', map: '0 100000 65536\n' }]);
  assert.equal(named(plan, 'await_settled').length, 1);
  assert.equal(named(plan, 'device').length, 0);
  assert.equal(named(plan, 'root_overlay')[0]?.userxattr, 1);

  // On the host's network its view of it is the host's; joined ones are entered before the host's rights are gone.
  const withoutNetwork = types.filter(({ type }) => type !== 'network');
  const sysfs = spec({ linux: { namespaces: withoutNetwork, uidMappings: mapping, gidMappings: mapping } });
  const view = named(compileStart(sysfs, startTarget()), 'bind').find(({ target }) => target === '/sys');
  assert.deepEqual([view?.source, view?.recursive, view?.set_all], ['/sys', 1, RDONLY | NOSUID | NODEV | NOEXEC]);
  const joining = [...withoutNetwork, { type: 'network', path: '/run/netns/x' }];
  const joined = spec({ linux: { namespaces: joining, uidMappings: mapping, gidMappings: mapping } });
  const born = compileStart(joined, startTarget());
  inOrder(born, ['birth_namespace', 'clone', 'uid_map', 'await_settled', 'become_root']);
  assert.equal(named(born, 'namespace_join').length, 0);
});

test('namespaces by path are entered, time offsets set, the pid namespace before clone', () => {
  const namespaces = [
    { type: 'mount' },
    { type: 'uts' },
    { type: 'time' },
    { type: 'pid', path: '/proc/7/ns/pid' },
    { type: 'network', path: '/run/netns/x' },
  ];
  const timeOffsets = { boottime: { secs: -5, nanosecs: 6 } };
  const plan = compileStart(spec({ linux: { namespaces, timeOffsets } }), startTarget());
  inOrder(plan, ['birth_namespace', 'clone', 'namespace_join', 'time_namespace', 'root_propagation']);
  assert.deepEqual(named(plan, 'clone'), [{ op: 'clone', flags: CLONE_FLAGS.mount | CLONE_FLAGS.uts }]);
  assert.deepEqual(named(plan, 'namespace_join'), [
    { op: 'namespace_join', type: CLONE_FLAGS.network, host: '/run/netns/x' },
  ]);
  assert.equal(named(plan, 'loopback_up').length, 0);
  assert.deepEqual(named(plan, 'time_namespace'), [
    { op: 'time_namespace', offsets: 'monotonic 0 0\nboottime -5 6\n' },
  ]);
});

test('devices: the spec’s own take the place of a default, others get their directory', () => {
  const devices = [
    { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o600, uid: 5, gid: 6 },
    { path: '/dev/net/tun', type: 'u', major: 10, minor: 200 },
    { path: '/run/pipe', type: 'p' },
  ];
  const plan = compileStart(spec({ linux: { devices } }), startTarget());
  const nulls = named(plan, 'device').filter(({ path }) => path === '/dev/null');
  assert.deepEqual(nulls, [
    { op: 'device', path: '/dev/null', kind: 0x63, major: 1, minor: 3, mode: 0o600, uid: 5, gid: 6 },
  ]);
  assert.deepEqual(named(plan, 'device').at(-2), {
    op: 'device',
    path: '/dev/net/tun',
    kind: 0x63,
    major: 10,
    minor: 200,
    mode: 0o666,
    uid: 0,
    gid: 0,
  });
  assert.deepEqual(
    named(plan, 'directory').map(({ path }) => path),
    ['/dev', '/dev/net', '/run'],
  );
});

test('somebody else’s /dev is left alone', () => {
  const mounts: Mount[] = [{ destination: '/dev', type: 'bind', source: '/dev', options: ['rbind'] }];
  const plan = compileStart(spec({ mounts }), startTarget());
  assert.equal(named(plan, 'device').length + named(plan, 'symlink').length, 0);
  const devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }];
  const bound = compileStart(spec({ mounts, linux: { devices } }), startTarget());
  assert.deepEqual(named(bound, 'device_bind'), [
    { op: 'device_bind', path: '/dev/fuse', source: '/dev/fuse', kind: 0x63, major: 10, minor: 229 },
  ]);
  assert.equal(named(bound, 'device').length + named(bound, 'directory').length, 0);
  const pipe = spec({ mounts, linux: { devices: [{ path: '/dev/pipe', type: 'p' }] } });
  assert.equal(refusal(() => compileStart(pipe, startTarget())).field, 'linux.devices[0].path');
  const terminal = spec({ mounts, process: { terminal: true } });
  assert.equal(refusal(() => compileStart(terminal, startTarget())).field, 'process.terminal');
});

test('a terminal has the size that was asked for, and the console', () => {
  const process = { terminal: true, consoleSize: { height: 24, width: 80 } };
  const plan = compileStart(spec({ process }), startTarget());
  assert.deepEqual(named(plan, 'terminal'), [{ op: 'terminal', rows: 24, columns: 80, console: 1 }]);
});

test('what is missing for a start is named', () => {
  const without = (name: 'process' | 'root'): Spec => spec({ [name]: null });
  assert.equal(refusal(() => compileStart(without('process'), startTarget())).field, 'process');
  assert.equal(refusal(() => compileStart(without('root'), startTarget())).field, 'root');
  assert.equal(refusal(() => compileStart(spec({ process: { args: null } }), startTarget())).field, 'process.args');
});

test('identity, limits, oom score and a root that is shared inside', () => {
  const plan = compileStart(
    spec({
      domainname: 'example.org',
      process: { oomScoreAdj: -5, rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 2n ** 64n - 1n }] },
      linux: { sysctl: { 'net.ipv4.ip_forward': '1' }, rootfsPropagation: 'rshared' },
    }),
    startTarget({ noPivot: true, newKeyring: false }),
  );
  inOrder(plan, ['clone', 'oom_score_adj', 'move_root', 'mount_attributes', 'sysctl', 'hostname', 'domainname']);
  assert.deepEqual(named(plan, 'sysctl'), [{ op: 'sysctl', key: 'net/ipv4/ip_forward', value: '1' }]);
  assert.deepEqual(named(plan, 'rlimit'), [{ op: 'rlimit', resource: 4, soft: 0, hard: 2n ** 64n - 1n }]);
  assert.equal(named(plan, 'mount_attributes').at(-1)?.propagation, MS.SHARED | MS.REC);
  assert.equal(named(plan, 'keyring').length, 0);
});
