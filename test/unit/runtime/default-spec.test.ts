import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSeccomp } from '../../../daemon/runtime/seccomp/default-profile.ts';
import {
  defaultSpec,
  mergeEnv,
  mergeSpec,
  probeSpecHost,
  type SpecDefaults,
} from '../../../daemon/runtime/spec/default-spec.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';

const host = { nofileHard: 20_000, thermalThrottle: ['/sys/devices/system/cpu/cpu0/thermal_throttle'] };
const defaults: SpecDefaults = { host, args: ['sh'], hostname: 'web', seccomp: undefined };

test('the default spec passes its own validation', () => {
  const seccomp = defaultSeccomp(new Set());
  for (const privileged of [false, true]) {
    const spec = defaultSpec({ ...defaults, seccomp, privileged, terminal: true, network: 'host' });
    assert.deepEqual(validateSpec(spec, { unknown: 'refuse' }), spec);
  }
});

test('limits stay within the host’s, masks cover each cpu, the environment has a PATH', () => {
  const spec = defaultSpec({ ...defaults, env: ['PATH=/x', 'A=1', 'A=2'], terminal: true });
  assert.deepEqual(spec.process?.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 20_000 }]);
  assert.deepEqual(spec.process.env, ['PATH=/x', 'TERM=xterm', 'A=2']);
  assert.equal(spec.process.capabilities?.bounding?.length, 14);
  assert.deepEqual(spec.process.capabilities.inheritable, []);
  const masked = spec.linux?.maskedPaths ?? [];
  assert.ok(masked.includes('/proc/kcore') && masked.includes('/sys/devices/system/cpu/cpu0/thermal_throttle'));
  assert.equal(spec.linux?.resources?.pids?.limit, 2048);
  const small = defaultSpec({ ...defaults, host: { nofileHard: 100, thermalThrottle: [] } });
  assert.deepEqual(small.process?.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 100 }]);
});

test('privileged is what the host can give', () => {
  const capabilities = ['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE'];
  const without = { ...host, boundingSet: ~(1n << 24n) & ((1n << 41n) - 1n) };
  const sets = (privileged: boolean): string[] =>
    defaultSpec({ ...defaults, host: without, capabilities, privileged }).process?.capabilities?.bounding ?? [];
  assert.deepEqual(sets(true), ['CAP_CHOWN', 'CAP_SYS_ADMIN']);
  assert.deepEqual(sets(false), capabilities);
});

test('network "host" shares the namespace', () => {
  const types = (spec = defaultSpec(defaults)): string[] => (spec.linux?.namespaces ?? []).map(({ type }) => type);
  assert.ok(types().includes('network'));
  assert.ok(!types(defaultSpec({ ...defaults, network: 'host' })).includes('network'));
});

test('a partial spec is laid over: objects by key, lists replaced, null takes away', () => {
  const base = defaultSpec(defaults);
  const before = structuredClone(base);
  const merged = mergeSpec(base, {
    process: { env: ['A=1'], user: { uid: 5 } },
    linux: { maskedPaths: null, resources: { memory: { limit: 1 } } },
    annotations: { a: 'b' },
  });
  assert.deepEqual(base, before);
  const spec = validateSpec(merged, { unknown: 'refuse' });
  assert.deepEqual(spec.process?.env, ['A=1']);
  assert.deepEqual(spec.process.user, { uid: 5, gid: 0 });
  assert.equal(spec.linux?.maskedPaths, undefined);
  assert.deepEqual(spec.linux?.resources?.pids, { limit: 2048 });
  assert.deepEqual(spec.linux.resources.memory, { limit: 1 });
  assert.deepEqual(spec.annotations, { a: 'b' });
  const evil: unknown = JSON.parse('{"linux":{"__proto__":{"a":1}}}');
  assert.throws(() => mergeSpec(base, evil), SpecError);
  assert.throws(() => mergeSpec(base, []), SpecError);
  let deep: unknown = {};
  for (let depth = 0; depth < 100_000; depth++) deep = { a: deep };
  assert.throws(() => mergeSpec(base, deep), SpecError);
});

test('variables are merged by name', () => {
  assert.deepEqual(mergeEnv(['A=1', 'B=2'], ['A=3', 'C=', 'C=4=5']), ['A=3', 'B=2', 'C=4=5']);
});

test('this host can be asked', () => {
  const found = probeSpecHost();
  assert.ok(found.nofileHard > 0);
  for (const path of found.thermalThrottle)
    assert.match(path, /^\/sys\/devices\/system\/cpu\/cpu\d+\/thermal_throttle$/);
});
