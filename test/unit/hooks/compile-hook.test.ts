import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileHook } from '../../../daemon/runtime/plan/compile-hook.ts';
import { namespaceFlags } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { CLONE_FLAGS } from '../../../daemon/runtime/plan/kernel.ts';
import { defaultSpec } from '../../../daemon/runtime/spec/default-spec.ts';
import type { Hook, Spec } from '../../../daemon/runtime/spec/types.ts';
import { HYBRID, V2, execTarget, named, names, refusal } from '../runtime/targets.ts';

const base = defaultSpec({
  host: { nofileHard: 1024, thermalThrottle: [] },
  args: ['sh'],
  hostname: 'web',
  env: ['SECRET=1'],
  seccomp: { defaultAction: 'SCMP_ACT_ALLOW' },
});
const spec: Spec = {
  ...base,
  process: { ...base.process, cwd: '/work', terminal: true, user: { uid: 5, gid: 6, umask: 0o77 } },
};
const hook: Hook = { path: '/usr/bin/x', args: ['called x', '-v'], env: ['A=1', 'A=2'] };
const EXEC = { op: 'exec', file: '/usr/bin/x', argv: ['called x', '-v'] };
const target = execTarget({ namespaces: namespaceFlags(spec), cgroups: V2, keyring: '_ses.one' });

test('createContainer: in all namespaces, as root with every capability, at the root of the host tree', () => {
  const plan = compileHook('createContainer', spec, hook, target);
  assert.deepEqual(names(plan), [
    'cgroup_into',
    'pid_namespace_of_init',
    'clone',
    'join_init',
    'umask',
    'working_directory',
    'environment',
    'exec',
  ]);
  assert.equal(named(plan, 'join_init')[0]?.flags, namespaceFlags(spec) & ~CLONE_FLAGS.pid);
  assert.deepEqual(named(plan, 'working_directory'), [{ op: 'working_directory', path: '/', create: 0 }]);
  assert.deepEqual(named(plan, 'umask'), [{ op: 'umask', mask: 0o022 }]);
  assert.deepEqual(named(plan, 'environment'), [{ op: 'environment', variables: ['A=1', 'A=2'] }]);
  assert.deepEqual(plan.at(-1), EXEC);
});

test('createContainer: v1 groups, a user namespace, an init that is no child of the shim', () => {
  const containerInit = { pid: 77, startTime: 1234n };
  const plan = compileHook(
    'createContainer',
    spec,
    { path: '/h' },
    execTarget({ namespaces: CLONE_FLAGS.user, userNamespace: true, cgroups: HYBRID, containerInit }),
  );
  assert.deepEqual(plan[0], { op: 'container_init', pid: 77, start_time: 1234n });
  assert.deepEqual(names(plan).slice(-7), [
    'join_init',
    'become_root',
    'await_settled',
    'umask',
    'working_directory',
    'environment',
    'exec',
  ]);
  assert.ok(!names(plan).includes('pid_namespace_of_init'));
  assert.deepEqual(named(plan, 'environment'), [{ op: 'environment', variables: [] }]);
  assert.deepEqual(plan.at(-1), { op: 'exec', file: '/h', argv: ['/h'] });
});

test('startContainer: as the program will be, but for its terminal and its environment', () => {
  const plan = compileHook('startContainer', spec, hook, target);
  assert.ok(!names(plan).includes('terminal'));
  assert.deepEqual(named(plan, 'user'), [{ op: 'user', uid: 5, gid: 6, groups: [] }]);
  assert.deepEqual(named(plan, 'umask'), [{ op: 'umask', mask: 0o77 }]);
  assert.deepEqual(named(plan, 'working_directory'), [{ op: 'working_directory', path: '/work', create: 0 }]);
  assert.equal(named(plan, 'seccomp').length, 1);
  assert.equal(named(plan, 'capabilities').length, 1);
  assert.deepEqual(named(plan, 'environment'), [{ op: 'environment', variables: ['A=1', 'A=2'] }]);
  assert.deepEqual(plan.at(-1), EXEC);
});

test('startContainer: without a process there is nothing to be like', () => {
  const without: Spec = { ociVersion: '1.3.0', linux: spec.linux ?? {} };
  assert.equal(refusal(() => compileHook('startContainer', without, hook, target)).field, 'process');
  assert.doesNotThrow(() => compileHook('createContainer', without, hook, target));
});
