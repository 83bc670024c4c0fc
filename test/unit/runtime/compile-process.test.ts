/** Labels, scheduling and memory of the process; the numbers are those of the kernel's headers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARE_HOST } from '../../../daemon/runtime/host-facts.ts';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import type { Operation, Plan } from '../../../daemon/runtime/plan/operations.ts';
import { syscallNumber } from '../../../daemon/runtime/seccomp/architectures.ts';
import type { Process } from '../../../daemon/runtime/spec/types.ts';
import { HYBRID, V2, execTarget, named, names, refusal, small, startTarget } from './targets.ts';

const MOUNTS = { namespaces: [{ type: 'mount' }] };
const labelled = { ...BARE_HOST, appArmor: true, seLinux: true };

function start(process: object, linux: object = {}, host = BARE_HOST): Plan {
  const spec = small({ ...MOUNTS, ...linux }, { process: { cwd: '/', args: ['sh'], ...process } });
  return compileStart(spec, startTarget({ host }));
}

/** The only system call of a plan, its buffer as hexadecimal text. */
function call(plan: Plan): Omit<Extract<Operation, { op: 'system_call' }>, 'buffer'> & { buffer: string } {
  const [first, ...others] = named(plan, 'system_call');
  assert.ok(first !== undefined && others.length === 0);
  return { ...first, buffer: Buffer.from(first.buffer).toString('hex') };
}

test('AppArmor: the profile for execve, no-op or refusal where the host has none', () => {
  const given = named(start({ apparmorProfile: 'docker-default' }, {}, labelled), 'label');
  assert.deepEqual(given, [{ op: 'label', file: 'apparmor/exec', value: 'exec docker-default' }]);
  const unconfined = named(start({ apparmorProfile: 'unconfined' }, {}, labelled), 'label');
  assert.equal(unconfined[0]?.value, 'exec unconfined');
  assert.equal(named(start({ apparmorProfile: 'unconfined' }), 'label').length, 0);
  assert.equal(named(start({ apparmorProfile: '' }), 'label').length, 0);
  const error = refusal(() => start({ apparmorProfile: 'docker-default' }));
  assert.deepEqual([error.field, error.kind], ['process.apparmorProfile', 'unsupported']);
  assert.match(error.message, /no AppArmor/);
});

test('SELinux: the label for execve and for the keyring, before the credentials change', () => {
  const plan = start({ selinuxLabel: 'u:r:t:s0:c1,c2' }, {}, labelled);
  const labels = named(plan, 'label').map(({ file, value }) => [file, value]);
  assert.deepEqual(labels, [
    ['exec', 'u:r:t:s0:c1,c2'],
    ['keycreate', 'u:r:t:s0:c1,c2'],
    ['keycreate', '\n'],
  ]);
  assert.ok(names(plan).lastIndexOf('label') < names(plan).indexOf('bounding_set'));
  assert.ok(names(plan).indexOf('label') > names(plan).indexOf('pivot_root'));
  assert.equal(refusal(() => start({ selinuxLabel: 'x' })).field, 'process.selinuxLabel');
  const exec = compileExec(
    small(),
    { cwd: '/', args: ['x'], selinuxLabel: 'a:b:c' },
    execTarget({ host: labelled, keyring: '_ses.one' }),
  );
  assert.equal(named(exec, 'label').length, 3);
});

test('SELinux: the label of mounts is an option of every new file system that takes one', () => {
  const mounts = [
    { destination: '/proc', type: 'proc' },
    { destination: '/run', type: 'tmpfs', options: ['size=1m'] },
    { destination: '/dev/pts', type: 'devpts' },
    { destination: '/dev/mqueue', type: 'mqueue' },
    { destination: '/own', type: 'tmpfs', options: ['context=u:r:own:s0'] },
    { destination: '/data', type: 'bind', source: '/data' },
  ];
  const spec = small({ ...MOUNTS, mountLabel: 'u:r:t:s0:c1,c2' }, { mounts });
  const plan = compileStart(spec, startTarget({ host: labelled }));
  assert.deepEqual(
    named(plan, 'mount').map(({ target, options }) => [target, options]),
    [
      ['/proc', []],
      ['/run', ['size=1m', 'context=u:r:t:s0:c1,c2']],
      ['/dev/pts', ['context=u:r:t:s0:c1,c2']],
      ['/dev/mqueue', ['context=u:r:t:s0:c1,c2']],
      ['/own', ['context=u:r:own:s0']],
    ],
  );
  assert.equal(refusal(() => compileStart(spec, startTarget())).field, 'linux.mountLabel');
});

test('scheduler: struct sched_attr', () => {
  const scheduler = {
    policy: 'SCHED_DEADLINE',
    flags: ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_DL_OVERRUN'],
    runtime: 9007199254740993n,
    deadline: 2n ** 64n - 1n,
    period: 3,
  };
  const { name, number, arguments: given, buffer_argument: at, buffer } = call(start({ scheduler }));
  assert.deepEqual([name, number], ['sched_setattr', syscallNumber('sched_setattr')]);
  assert.deepEqual([given, at], [[0, 0, 0], 1]);
  // size 56, policy 6, flags 5, nice 0, priority 0, runtime, deadline, period, util_min and util_max 0
  const words = ['38000000', '06000000', '0500000000000000', '00000000', '00000000'];
  words.push('0100000000002000', 'ffffffffffffffff', '0300000000000000', '00000000', '00000000');
  assert.equal(buffer, words.join(''));
  const nice = call(start({ scheduler: { policy: 'SCHED_BATCH', nice: -5 } })).buffer;
  assert.equal(nice.slice(0, 48), '3800000003000000' + '0000000000000000' + 'fbffffff' + '00000000');
  const real = call(start({ scheduler: { policy: 'SCHED_RR', priority: 99 } })).buffer;
  assert.equal(real.slice(32, 48), '00000000' + '63000000');
});

test('I/O priority, personality and memory policy', () => {
  const io = call(start({ ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 3 } }));
  assert.deepEqual([io.name, io.arguments, io.buffer_argument], ['ioprio_set', [1, 0, (2 << 13) | 3], -1]);
  assert.deepEqual(call(start({ ioPriority: { class: 'IOPRIO_CLASS_IDLE' } })).arguments, [1, 0, 3 << 13]);
  assert.deepEqual(call(start({}, { personality: { domain: 'LINUX32' } })).arguments, [8]);
  assert.deepEqual(call(start({}, { personality: { domain: 'LINUX' } })).arguments, [0]);
  const memoryPolicy = { mode: 'MPOL_BIND', nodes: '0,65', flags: ['MPOL_F_STATIC_NODES'] };
  const bound = call(start({}, { memoryPolicy }));
  assert.deepEqual([bound.name, bound.arguments, bound.buffer_argument], ['set_mempolicy', [0x8002, 0, 129], 1]);
  assert.equal(bound.buffer, '0100000000000000' + '0200000000000000');
  const local = call(start({}, { memoryPolicy: { mode: 'MPOL_LOCAL' } }));
  assert.deepEqual([local.arguments, local.buffer_argument, local.buffer], [[4, 0, 0], -1, '']);
});

test('what is set by system calls comes before a filter could refuse it, and while init is root', () => {
  const linux = {
    seccomp: { defaultAction: 'SCMP_ACT_ALLOW' },
    personality: { domain: 'LINUX' },
    memoryPolicy: { mode: 'MPOL_LOCAL' },
  };
  const process = { scheduler: { policy: 'SCHED_OTHER' }, ioPriority: { class: 'IOPRIO_CLASS_IDLE' } };
  for (const noNewPrivileges of [true, false]) {
    const plan = start({ ...process, noNewPrivileges }, linux);
    assert.deepEqual(
      named(plan, 'system_call').map(({ name }) => name),
      ['sched_setattr', 'ioprio_set', 'set_mempolicy', 'personality'],
    );
    const last = names(plan).lastIndexOf('system_call');
    assert.ok(last < names(plan).indexOf('seccomp') && last < names(plan).indexOf('bounding_set'));
    assert.ok(names(plan).indexOf('system_call') > names(plan).indexOf('await_settled'));
  }
});

test('CPU affinity of an exec: before it enters its control groups, and after', () => {
  const wanted: Process = { cwd: '/', args: ['x'], execCPUAffinity: { initial: '0-1', final: '64' } };
  for (const cgroups of [HYBRID, V2]) {
    const plan = compileExec(small(), wanted, execTarget({ cgroups }));
    const calls = named(plan, 'system_call');
    assert.deepEqual(
      calls.map(({ name, arguments: given, buffer }) => [name, given, Buffer.from(buffer).toString('hex')]),
      [
        ['sched_setaffinity', [0, 8, 0], '0300000000000000'],
        ['sched_setaffinity', [0, 16, 0], '0000000000000000' + '0100000000000000'],
      ],
    );
    const settled = names(plan).indexOf('await_settled');
    assert.ok(names(plan).indexOf('system_call') < settled && names(plan).lastIndexOf('system_call') > settled);
    assert.equal(named(plan, 'cgroup_into').length, 0);
    assert.ok(named(plan, 'cgroup_join').some(({ host }) => host.startsWith(cgroups.v2?.mount ?? '?')));
  }
});

test('CPU affinity: the container’s is an exec’s where that says nothing, and never init’s', () => {
  const process = { cwd: '/', args: ['x'], execCPUAffinity: { final: '1' } };
  const spec = small(MOUNTS, { process });
  assert.equal(named(compileStart(spec, startTarget()), 'system_call').length, 0);
  const plan = compileExec(spec, { cwd: '/', args: ['y'] }, execTarget({ cgroups: V2 }));
  assert.equal(Buffer.from(named(plan, 'system_call')[0]?.buffer ?? []).toString('hex'), '0200000000000000');
  assert.equal(named(plan, 'cgroup_into').length, 1);
  const none = compileExec(spec, { cwd: '/', args: ['y'], execCPUAffinity: {} }, execTarget());
  assert.equal(named(none, 'system_call').length, 0);
});

test('a capability that the host does not have is refused by name, but in a user namespace', () => {
  const host = { ...BARE_HOST, boundingSet: 1n << 5n };
  const capabilities = { bounding: ['CAP_KILL'], permitted: ['CAP_KILL', 'CAP_SYS_RESOURCE'] };
  const error = refusal(() => start({ capabilities }, {}, host));
  assert.deepEqual([error.field, error.kind], ['process.capabilities.permitted', 'unsupported']);
  assert.match(error.message, /does not have CAP_SYS_RESOURCE/);
  assert.doesNotThrow(() => start({ capabilities: { permitted: ['CAP_KILL'] } }, {}, host));
  const user = { namespaces: [{ type: 'mount' }, { type: 'user', path: '/ns/user' }] };
  assert.doesNotThrow(() => start({ capabilities }, user, host));
});
