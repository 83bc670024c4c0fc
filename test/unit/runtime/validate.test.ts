import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import { parseJson, stringifyJson } from '../../../daemon/runtime/spec/json.ts';
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
  ['linux.devices[0].fileMode', 0o1777],
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
  ['hooks', { createRuntime: [{ path: '/bin/true' }] }, { prestart: [] }],
  ['process.apparmorProfile', 'docker-default', 'unconfined'],
  ['process.selinuxLabel', 'system_u:object_r', ''],
  ['process.scheduler', { policy: 'SCHED_FIFO', priority: 1 }],
  ['process.ioPriority', { class: 'IOPRIO_CLASS_IDLE' }],
  ['process.execCPUAffinity', { initial: '0' }, {}],
  ['linux.mountLabel', 'system_u', ''],
  ['linux.intelRdt', { closID: 'x' }],
  ['linux.personality', { domain: 'LINUX32' }, { domain: 'LINUX' }],
  ['linux.memoryPolicy', { mode: 'MPOL_BIND', nodes: '0' }, {}],
  ['linux.netDevices', { eth0: { name: 'eth1' } }, {}],
  ['linux.seccomp.listenerPath', '/run/listener', ''],
  ['linux.seccomp.defaultAction', 'SCMP_ACT_NOTIFY'],
  ['linux.namespaces[4].path', '/proc/1/ns/mnt'],
  ['mounts[3].uidMappings', [{ containerID: 0, hostID: 1, size: 1 }], []],
  ['windows', {}],
];

for (const [path, value, idle] of UNSUPPORTED) {
  test(`refused by name: ${path}`, () => {
    const error = refusal(changed(path, value));
    assert.equal(error.field, path);
    assert.equal(error.kind, 'unsupported');
    if (idle !== undefined) assert.doesNotThrow(() => validateSpec(changed(path, idle), { unknown: 'refuse' }));
  });
}

test('an id-mapped mount is refused by its option too', () => {
  const error = refusal(changed('mounts[3].options', ['rbind', 'idmap']));
  assert.deepEqual([error.field, error.kind], ['mounts[3].options[1]', 'unsupported']);
});

test('a bundle may hold unknown properties and nulls', () => {
  assert.doesNotThrow(() => validateSpec(changed('linux.tea', {}), { unknown: 'ignore' }));
  assert.doesNotThrow(() => validateSpec(changed('process.user.additionalGids', null), { unknown: 'ignore' }));
  assert.equal(refusal(changed('process.user.additionalGids', null)).field, 'process.user.additionalGids');
  assert.equal(refusal(changed('process.cwd', null), 'ignore').field, 'process.cwd');
});

test('sysctl: only what a new namespace of the container has', () => {
  const host = refusal(changed('linux.sysctl', { 'kernel.core_pattern': 'x' }));
  assert.equal(host.kind, 'unsupported');
  const tricks = ['net.ipv4.ip_forward/../../kernel', 'net/../kernel/core_pattern', 'net', 'net..x', '.net', 'net.x y'];
  for (const key of tricks) assert.equal(refusal(changed('linux.sysctl', { [key]: '1' })).kind, 'invalid', key);
  for (const value of ['1+kernel.core_pattern=|/x', '1\n2', 'a=b']) {
    assert.equal(refusal(changed('linux.sysctl', { 'net.ipv4.ip_forward': value })).kind, 'invalid', value);
  }
  const twice = { 'net.ipv4.ip_forward': '1', 'net/ipv4/ip_forward': '0' };
  assert.equal(refusal(changed('linux.sysctl', twice)).field, 'linux.sysctl.net/ipv4/ip_forward');
  const joined = changed('linux.namespaces[1].path', '/proc/1/ns/net');
  assert.equal(refusal(joined).field, 'linux.sysctl.net.ipv4.ip_forward');
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
