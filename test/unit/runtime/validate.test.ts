import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import { parseJson, stringifyJson } from '../../../daemon/runtime/spec/json.ts';
import type { Spec } from '../../../daemon/runtime/spec/types.ts';
import { validateProcess, validateSpec } from '../../../daemon/runtime/spec/validate.ts';

const sampleText = readFileSync(new URL('sample-config.json', import.meta.url), 'utf8');
const sample = (): unknown => parseJson(sampleText, 'config.json');

/** The sample with the value at a path such as "linux.namespaces[0].path" replaced. */
function changed(path: string, value: unknown): unknown {
  const steps = path.split(/[.[\]]+/).filter(Boolean);
  const last = steps.pop() ?? '';
  const spec = sample();
  let at = spec as Record<string, unknown>;
  for (const step of steps) at = (at[step] ??= {}) as Record<string, unknown>;
  at[last] = value;
  return spec;
}

function refusal(value: unknown, unknown: 'refuse' | 'ignore' = 'refuse'): SpecError {
  try {
    validateSpec(value, { unknown });
  } catch (error) {
    assert.ok(error instanceof SpecError, String(error));
    return error;
  }
  return assert.fail('was accepted');
}

test('a valid config.json comes back as it was', () => {
  const spec = validateSpec(sample(), { unknown: 'refuse' });
  assert.equal(stringifyJson(spec), stringifyJson(sample()));
  assert.equal(spec.process?.rlimits?.[0]?.soft, 9007199254740993n);
});

test('the smallest config.json is one', () => {
  assert.doesNotThrow(() => validateSpec({ ociVersion: '1.0.0' }, { unknown: 'refuse' }));
  const started = { ociVersion: '1.0.0', root: { path: 'r' }, process: { cwd: '/', args: ['sh'] } };
  assert.doesNotThrow(() => validateSpec(started, { unknown: 'refuse' }));
});

const INVALID: readonly (readonly [path: string, value: unknown, field?: string])[] = [
  ['ociVersion', '2.0.0'],
  ['ociVersion', '1.0'],
  ['ociVersion', 1],
  ['root.path', ''],
  ['root.path', 'a\0b'],
  ['root.readonly', 'yes'],
  ['root.readonyl', true],
  ['hostname', 'x'.repeat(65)],
  ['hostname', '\ud800'],
  ['process.cwd', 'relative'],
  ['process.cwd', '/a/../b'],
  ['process.args', [], 'process.args'],
  ['process.args[0]', ''],
  ['process.args[1]', 'a\0'],
  ['process.env[0]', '=x'],
  ['process.env[0]', 'NAME'],
  ['process.user.uid', 4294967296],
  ['process.user.uid', 4294967295],
  ['process.user.uid', -1],
  ['process.user.uid', 1.5],
  ['process.user.uid', '0'],
  ['process.user.gid', 2 ** 60],
  ['process.user.umask', 0o1000],
  ['process.user.additionalGids[0]', 4294967296n],
  ['process.user.username', 'me'],
  ['process.capabilities.bounding[0]', 'CAP_MAKE_TEA'],
  ['process.capabilities.effective', ['CAP_SYS_ADMIN'], 'process.capabilities.effective[0]'],
  ['process.capabilities.inheritable', [], 'process.capabilities.ambient[0]'],
  ['process.rlimits[0].type', 'RLIMIT_TEA'],
  ['process.rlimits[0].hard', 1, 'process.rlimits[0].soft'],
  ['process.rlimits[1]', { type: 'RLIMIT_CORE', soft: 0, hard: 0 }, 'process.rlimits[1].type'],
  ['process.oomScoreAdj', 1001],
  ['process.consoleSize', { height: 70000, width: 1 }, 'process.consoleSize.height'],
  ['mounts[0].destination', 'proc'],
  ['mounts[0].destination', '/'],
  ['mounts[0].destination', '/a/../../etc'],
  ['mounts[0].type', undefined],
  ['mounts[0].type', 'a b'],
  ['mounts[3].source', undefined],
  ['mounts[0].options', ['a\0b'], 'mounts[0].options[0]'],
  ['linux.namespaces[0].type', 'mnt'],
  ['linux.namespaces[1]', { type: 'pid' }, 'linux.namespaces[1].type'],
  ['linux.namespaces[1].path', 'relative'],
  ['linux.uidMappings', [{ containerID: 0, hostID: 0, size: 1 }], 'linux.uidMappings'],
  ['linux.namespaces[7]', { type: 'user' }, 'linux.uidMappings'],
  ['linux.timeOffsets.boottime.nanosecs', 1_000_000_000],
  ['linux.devices[0].major', undefined],
  ['linux.devices[0].minor', 0x100000],
  ['linux.devices[0].fileMode', 0o060666],
  ['linux.devices[0].fileMode', 0o200000],
  ['linux.devices[0].path', '/dev/../x'],
  ['linux.devices[0].type', 'x'],
  ['linux.devices[1]', { path: '/dev/fuse', type: 'p' }, 'linux.devices[1].path'],
  ['linux.cgroupsPath', '/a/../../b'],
  ['linux.resources.memory.limit', -2],
  ['linux.resources.memory.limit', 2n ** 63n],
  ['linux.resources.memory.limit', 9007199254740992],
  ['linux.resources.memory.limit', '12XB'],
  ['linux.resources.memory.limitt', 1],
  ['linux.resources.pids', {}, 'linux.resources.pids.limit'],
  ['linux.resources.cpu.cpus', '0;reboot'],
  ['linux.resources.devices[0].access', 'rx'],
  ['linux.resources.devices[0].allow', undefined],
  ['linux.resources.hugepageLimits[0].pageSize', '../2MB'],
  ['linux.rootfsPropagation', 'sideways'],
  ['linux.maskedPaths[0]', 'proc'],
  ['linux.readonlyPaths[0]', '/proc/../etc'],
  ['linux.seccomp.defaultAction', 'ALLOW'],
  ['linux.seccomp.syscalls[0].names', [], 'linux.seccomp.syscalls[0].names'],
  [
    'linux.seccomp.syscalls[0].args',
    [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }],
    'linux.seccomp.syscalls[0].args[0].index',
  ],
  ['linux.seccomp.listnerPath', ''],
  ['linux.seccomp.listenerMetadata', 'x'],
  ['hooks', { createRuntime: [{ path: 'bin/x' }] }, 'hooks.createRuntime[0].path'],
  ['hooks', { poststop: [{ path: '/x', timeout: 0 }] }, 'hooks.poststop[0].timeout'],
  ['hooks', { posttea: [] }, 'hooks.posttea'],
  ['process.scheduler', {}, 'process.scheduler.policy'],
  ['process.scheduler', { policy: 'SCHED_TEA' }, 'process.scheduler.policy'],
  ['process.scheduler', { policy: 'SCHED_OTHER', nice: 20 }, 'process.scheduler.nice'],
  ['process.scheduler', { policy: 'SCHED_FIFO', priority: 1, nice: 1 }, 'process.scheduler.nice'],
  ['process.scheduler', { policy: 'SCHED_FIFO' }, 'process.scheduler.priority'],
  ['process.scheduler', { policy: 'SCHED_RR', priority: 100 }, 'process.scheduler.priority'],
  ['process.scheduler', { policy: 'SCHED_BATCH', priority: 1 }, 'process.scheduler.priority'],
  ['process.scheduler', { policy: 'SCHED_OTHER', period: 1 }, 'process.scheduler.period'],
  ['process.scheduler', { policy: 'SCHED_OTHER', flags: ['SCHED_FLAG_TEA'] }, 'process.scheduler.flags[0]'],
  ['process.ioPriority', { class: 'IOPRIO_CLASS_TEA' }, 'process.ioPriority.class'],
  ['process.ioPriority', { class: 'IOPRIO_CLASS_BE', priority: 8 }, 'process.ioPriority.priority'],
  ['process.execCPUAffinity.initial', '3-1'],
  ['process.execCPUAffinity.final', '0;1'],
  ['process.execCPUAffinity.final', '8192'],
  ['linux.personality', { domain: 'PLAN9' }, 'linux.personality.domain'],
  ['linux.memoryPolicy', { nodes: '0' }, 'linux.memoryPolicy.mode'],
  ['linux.memoryPolicy', { mode: 'MPOL_TEA' }, 'linux.memoryPolicy.mode'],
  ['linux.memoryPolicy', { mode: 'MPOL_BIND', nodes: '1024' }, 'linux.memoryPolicy.nodes'],
  ['linux.memoryPolicy', { mode: 'MPOL_BIND', flags: ['x'] }, 'linux.memoryPolicy.flags[0]'],
  ['linux.intelRdt.closID', '../x'],
  ['linux.intelRdt.closID', 'a/b'],
  ['linux.intelRdt.closID', 'mon_groups'],
  ['linux.intelRdt.memBwSchema', 'L3:0=f'],
  ['linux.intelRdt.schemata', ['L3:0=f\nMB:0=1'], 'linux.intelRdt.schemata[0]'],
  ['linux.intelRdt.enableTea', true],
  ['linux.netDevices', { 'a/b': {} }, 'linux.netDevices.a/b'],
  ['linux.netDevices', { abcdefghijklmnop: {} }, 'linux.netDevices.abcdefghijklmnop'],
  ['linux.netDevices', { eth0: { name: 'a b' } }, 'linux.netDevices.eth0.name'],
  ['linux.netDevices', { eth0: { name: 'x%d%d' } }, 'linux.netDevices.eth0.name'],
  ['linux.netDevices', { eth0: { name: 'x' }, eth1: { name: 'x' } }, 'linux.netDevices.eth1.name'],
  ['linux.sysctl', { 'kernel.hostname': 'x' }, 'linux.sysctl.kernel.hostname'],
  ['linux.sysctl', { 'kernel.domainname': 'x' }, 'linux.sysctl.kernel.domainname'],
  ['mounts[3].uidMappings', [{ containerID: 0, hostID: 1, size: 1 }], 'mounts[3].gidMappings'],
  ['mounts[3].options', ['rbind', 'idmap'], 'mounts[3].uidMappings'],
  ['linux.namespace', []],
  ['linuxx', {}],
];

for (const [path, value, field] of INVALID) {
  test(`refused: ${path} = ${value === undefined ? 'nothing' : stringifyJson(value).slice(0, 60)}`, () => {
    const error = refusal(changed(path, value));
    assert.equal(error.field, field ?? path);
    assert.equal(error.kind, 'invalid', error.message);
    assert.ok(error.message.startsWith(`${error.field}: `));
  });
}

const UNSUPPORTED: readonly (readonly [path: string, value: unknown, idle?: unknown])[] = [
  ['linux.personality', { domain: 'LINUX', flags: ['ADDR_NO_RANDOMIZE'] }, { domain: 'LINUX', flags: [] }],
  ['windows', {}],
  ['vm', {}],
];

for (const [path, value, idle] of UNSUPPORTED) {
  test(`refused by name: ${path}`, () => {
    const error = refusal(changed(path, value));
    assert.ok(error.field.startsWith(path));
    assert.equal(error.kind, 'unsupported');
    if (idle !== undefined) assert.doesNotThrow(() => validateSpec(changed(path, idle), { unknown: 'refuse' }));
  });
}

/** Each alone makes a valid spec of the sample. */
const VALID: readonly (readonly [path: string, value: unknown])[] = [
  ['hooks', { prestart: [{ path: '/opt/../bin/x', args: ['x'], env: ['A=1'], timeout: 5 }], poststop: [] }],
  ['process.apparmorProfile', 'docker-default'],
  ['process.selinuxLabel', 'system_u:object_r:x_t:s0:c1,c2'],
  ['process.scheduler', { policy: 'SCHED_OTHER', nice: -20, flags: ['SCHED_FLAG_RESET_ON_FORK'] }],
  ['process.scheduler', { policy: 'SCHED_FIFO', priority: 99 }],
  ['process.scheduler', { policy: 'SCHED_DEADLINE', runtime: 9007199254740993n, deadline: 2n ** 64n - 1n, period: 3 }],
  ['process.ioPriority', { class: 'IOPRIO_CLASS_IDLE' }],
  ['process.execCPUAffinity', { initial: '0-3, 7', final: '' }],
  ['linux.mountLabel', 'system_u:object_r:x_t:s0'],
  ['linux.intelRdt', { closID: 'gold', schemata: ['L3:0=f'], l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=5' }],
  ['linux.intelRdt', { closID: '/', enableMonitoring: true }],
  ['linux.personality', { domain: 'LINUX32' }],
  ['linux.memoryPolicy', { mode: 'MPOL_INTERLEAVE', nodes: '0-1', flags: ['MPOL_F_STATIC_NODES'] }],
  ['linux.netDevices', { eth0: {}, eth1: { name: 'x%d' }, 'br0.1': { name: '' } }],
  ['linux.seccomp', { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/run/l', listenerMetadata: 'x' }],
  ['linux.namespaces[4].path', '/proc/1/ns/mnt'],
  ['linux.namespaces[7]', { type: 'user', path: '/proc/1/ns/user' }],
  ['mounts[3].options', ['rbind', 'remount', 'nodev']],
  ['mounts[3].type', 'rbind'],
];

for (const [path, value] of VALID) {
  test(`accepted: ${path} = ${stringifyJson(value).slice(0, 60)}`, () => {
    const spec = validateSpec(changed(path, value), { unknown: 'refuse' });
    const steps = path.split(/[.[\]]+/).filter(Boolean);
    const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], spec);
    assert.equal(stringifyJson(found), stringifyJson(value));
  });
}

/** A bundle's spec, and what was said of it. */
function bundle(value: unknown): { spec: Spec; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (field: string, problem: string): number => warnings.push(`${field}: ${problem}`);
  return { spec: validateSpec(value, { unknown: 'ignore', warn }), warnings };
}

test('a device’s mode may bear its file type, and set-id and sticky bits', () => {
  const spec = validateSpec(changed('linux.devices[0].fileMode', 0o027666), { unknown: 'refuse' });
  assert.equal(spec.linux?.devices?.[0]?.fileMode, 0o7666);
});

test('of a bundle, a file system’s options on a bind are left out, and told', () => {
  const { spec, warnings } = bundle(changed('mounts[3].options', ['rbind', 'mode=755', 'ro', 'sync']));
  assert.deepEqual(spec.mounts?.[3]?.options, ['rbind', 'ro']);
  assert.deepEqual(warnings, ['mounts[3].options: mode=755, sync: of a file system, without effect on a bind']);
  const strict = validateSpec(changed('mounts[3].options', ['rbind', 'mode=755']), { unknown: 'refuse' });
  assert.deepEqual(strict.mounts?.[3]?.options, ['rbind', 'mode=755']);
  assert.deepEqual(bundle(changed('mounts[1].options', ['mode=755'])).warnings, []);
});

test('of a bundle, ambient capabilities that the kernel could not give are left out, and told', () => {
  const { spec, warnings } = bundle(changed('process.capabilities.inheritable', ['CAP_KILL']));
  assert.deepEqual(spec.process?.capabilities?.ambient, []);
  assert.match(warnings.join(), /^process.capabilities.ambient: CAP_NET_BIND_SERVICE: not inheritable/);
  const more = refusal(changed('process.capabilities.ambient', ['CAP_SYS_ADMIN']), 'ignore');
  assert.equal(more.field, 'process.capabilities.ambient[0]');
});

test('a mount takes its own maps, or those of the user namespace', () => {
  const lines = [{ containerID: 0, hostID: 1000, size: 10 }];
  const own = changed('mounts[3].uidMappings', lines) as { mounts: Record<string, unknown>[] };
  Object.assign(own.mounts[3] ?? {}, { gidMappings: lines });
  assert.doesNotThrow(() => validateSpec(own, { unknown: 'refuse' }));
  Object.assign(own.mounts[3] ?? {}, { type: 'tmpfs', options: [] });
  assert.deepEqual([refusal(own).field, refusal(own).kind], ['mounts[3].type', 'unsupported']);
});

test('a user namespace that is joined has its own maps: none are asked for, and any are let through', () => {
  const joined = changed('linux.namespaces[7]', { type: 'user', path: '/proc/1/ns/user' }) as {
    linux: Record<string, unknown>;
  };
  joined.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
  const spec = validateSpec(joined, { unknown: 'refuse' });
  assert.deepEqual(spec.process?.user?.uid, 1);
});

test('a bundle may hold unknown properties and nulls', () => {
  assert.doesNotThrow(() => validateSpec(changed('linux.tea', {}), { unknown: 'ignore' }));
  assert.doesNotThrow(() => validateSpec(changed('process.user.additionalGids', null), { unknown: 'ignore' }));
  assert.equal(refusal(changed('process.user.additionalGids', null)).field, 'process.user.additionalGids');
  assert.equal(refusal(changed('process.cwd', null), 'ignore').field, 'process.cwd');
});

test('sysctl: only what a namespace of the container has', () => {
  const host = refusal(changed('linux.sysctl', { 'kernel.core_pattern': 'x' }));
  assert.equal(host.kind, 'unsupported');
  const tricks = ['net.ipv4.ip_forward/../../kernel', 'net/../kernel/core_pattern', 'net', 'net..x', '.net', 'net.x y'];
  for (const key of tricks) assert.equal(refusal(changed('linux.sysctl', { [key]: '1' })).kind, 'invalid', key);
  for (const value of ['1+kernel.core_pattern=|/x', '1\n2', 'a=b']) {
    assert.equal(refusal(changed('linux.sysctl', { 'net.ipv4.ip_forward': value })).kind, 'invalid', value);
  }
  const twice = { 'net.ipv4.ip_forward': '1', 'net/ipv4/ip_forward': '0' };
  assert.equal(refusal(changed('linux.sysctl', twice)).field, 'linux.sysctl.net/ipv4/ip_forward');
  const joined = changed('linux.namespaces[1].path', '/run/netns/x');
  assert.doesNotThrow(() => validateSpec(joined, { unknown: 'refuse' }));
  const without = changed('linux.namespaces[1]', { type: 'user', path: '/proc/1/ns/user' });
  assert.equal(refusal(without).field, 'linux.sysctl.net.ipv4.ip_forward');
});

test('a hostname needs a uts namespace, time offsets a time namespace', () => {
  assert.equal(refusal(changed('linux.namespaces[3]', { type: 'user' })).field, 'linux.uidMappings');
  const namespaces = (types: string[]): unknown => types.map((type) => ({ type }));
  const withoutUts = changed('linux.namespaces', namespaces(['mount', 'ipc', 'network', 'time']));
  assert.equal(refusal(withoutUts).field, 'hostname');
  const withoutTime = changed('linux.namespaces', namespaces(['mount', 'ipc', 'network', 'uts']));
  assert.equal(refusal(withoutTime).field, 'linux.timeOffsets');
});

test('mappings: complete, without overlap, at most 340 lines, and the user is among them', () => {
  const mapped = (lines: unknown): unknown => {
    const spec = changed('linux.namespaces[7]', { type: 'user' }) as {
      linux: { uidMappings: unknown; gidMappings: unknown };
    };
    spec.linux.uidMappings = lines;
    spec.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    return spec;
  };
  const line = (containerID: number, hostID: number, size: number): unknown => ({ containerID, hostID, size });
  assert.doesNotThrow(() => validateSpec(mapped([line(0, 100000, 65536)]), { unknown: 'refuse' }));
  assert.equal(refusal(mapped([line(0, 0, 10), line(5, 100, 1)])).field, 'linux.uidMappings[1].containerID');
  assert.equal(refusal(mapped([line(0, 0, 10), line(10, 9, 1)])).field, 'linux.uidMappings[1].hostID');
  assert.equal(refusal(mapped([line(0, 4294967290, 6)])).field, 'linux.uidMappings[0].size');
  assert.equal(refusal(mapped([line(0, 0, 0)])).field, 'linux.uidMappings[0].size');
  assert.equal(refusal(mapped([line(1, 0, 10)])).field, 'linux.uidMappings');
  assert.equal(refusal(mapped([line(0, 0, 1)])).field, 'process.user.uid');
  const outside = mapped([line(0, 100000, 65536)]) as { process: { user: { additionalGids: unknown } } };
  outside.process.user.additionalGids = [5, 70000];
  assert.equal(refusal(outside).field, 'process.user.additionalGids[1]');
  const many = Array.from({ length: 341 }, (_, index) => line(index, index, 1));
  assert.equal(refusal(mapped(many)).field, 'linux.uidMappings');
});

test('a process alone is named by the field it is at', () => {
  const found = validateProcess({ cwd: '/', args: ['sh'] }, 'process', { unknown: 'refuse' });
  assert.deepEqual(found, { cwd: '/', args: ['sh'] });
  assert.throws(() => validateProcess({}, 'process', { unknown: 'refuse' }), { field: 'process.cwd' });
});

test('whatever it is given, it throws nothing but SpecError', () => {
  const paths = INVALID.map(([path]) => path);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.anything({ withBigInt: true }), fc.boolean(), (path, value, strict) => {
      const spec = changed(path, value);
      for (const wanted of [spec, value]) {
        try {
          validateSpec(wanted, { unknown: strict ? 'refuse' : 'ignore' });
        } catch (error) {
          assert.ok(error instanceof SpecError, String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});
