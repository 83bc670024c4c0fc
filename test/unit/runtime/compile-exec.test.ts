import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { namespaceFlags } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { CLONE_FLAGS } from '../../../daemon/runtime/plan/kernel.ts';
import { defaultSpec } from '../../../daemon/runtime/spec/default-spec.ts';
import type { Process, Spec } from '../../../daemon/runtime/spec/types.ts';
import { HYBRID, V2, execTarget, named, names } from './targets.ts';

const spec: Spec = defaultSpec({
  host: { nofileHard: 1024, thermalThrottle: [] },
  args: ['sh'],
  hostname: 'web',
  seccomp: { defaultAction: 'SCMP_ACT_ALLOW' },
});
const wanted: Process = { cwd: '/tmp', args: ['id'], env: ['A=1'], user: { uid: 5, gid: 6, additionalGids: [7] } };

test('the namespaces an exec joins are those that init does not share with the host', () => {
  const { pid, ipc, uts, mount, cgroup, network } = CLONE_FLAGS;
  assert.equal(namespaceFlags(spec), pid | ipc | uts | mount | cgroup | network);
});

test('v1: cloned into the pid namespace, placed while it joins the others', () => {
  const plan = compileExec(spec, wanted, execTarget({ namespaces: namespaceFlags(spec), keyring: '_ses.one' }));
  assert.deepEqual(
    named(plan, 'cgroup_join').map(({ host }) => host),
    HYBRID.v1.map((hierarchy) => `${hierarchy.mount}/tare-0/one`),
  );
  assert.deepEqual(named(plan, 'cgroup_into'), [{ op: 'cgroup_into', host: `${HYBRID.v2?.mount ?? ''}/tare-0/one` }]);
  assert.deepEqual(
    names(plan).filter((name) => name !== 'cgroup_join'),
    [
      'cgroup_into',
      'pid_namespace_of_init',
      'clone',
      'join_init',
      'await_settled',
      'keyring',
      'working_directory',
      'seccomp',
      'bounding_set',
      'user',
      'capabilities',
      'umask',
      'environment',
      'exec',
    ],
  );
  assert.equal(named(plan, 'join_init')[0]?.flags, namespaceFlags(spec) & ~CLONE_FLAGS.pid);
  assert.deepEqual(named(plan, 'user'), [{ op: 'user', uid: 5, gid: 6, groups: [7] }]);
  assert.equal(named(plan, 'bounding_set')[0]?.capabilities, 0n);
});

test('v2: born in the group', () => {
  const plan = compileExec(spec, wanted, execTarget({ cgroups: V2, namespaces: 0 }));
  assert.deepEqual(names(plan).slice(0, 3), ['cgroup_into', 'clone', 'join_init']);
});

test('a user namespace: root of it first, and only mapped ids', () => {
  const mapping = [{ containerID: 0, hostID: 1000, size: 6 }];
  const namespaces = [{ type: 'user' as const }];
  const mapped: Spec = { ...spec, linux: { ...spec.linux, namespaces, uidMappings: mapping, gidMappings: mapping } };
  const target = execTarget({ namespaces: CLONE_FLAGS.user, userNamespace: true });
  const process = { ...wanted, user: { uid: 5, gid: 5 } };
  const plan = compileExec(mapped, process, target);
  assert.equal(names(plan).indexOf('become_root'), names(plan).indexOf('join_init') + 1);
  assert.throws(() => compileExec(mapped, { ...wanted, user: { uid: 5, gid: 6 } }, target), {
    name: 'SpecError',
    field: 'process.user.gid',
  });
});

test('a terminal of its own, without the console', () => {
  const plan = compileExec(spec, { ...wanted, terminal: true }, execTarget());
  assert.deepEqual(named(plan, 'terminal'), [{ op: 'terminal', rows: 0, columns: 0, console: 0 }]);
});
