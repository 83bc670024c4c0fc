/** What is decided by who launches: stops, the pipes of a later start, sockets, descriptors, an init that is no child. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { CONNECT_PURPOSES, OPERATIONS, type Plan } from '../../../daemon/runtime/plan/operations.ts';
import { stopsOf } from '../../../daemon/runtime/plan/stops.ts';
import { execTarget, named, names, refusal, small, startTarget } from './targets.ts';

const hook = [{ path: '/bin/hook' }];
const MOUNTS = { namespaces: [{ type: 'mount' }, { type: 'network' }] };

test('each kind of hook and network devices make their stop', () => {
  const stops = (top: object, linux: object = {}): [boolean, boolean] => {
    const { runtime, container } = stopsOf(small({ ...MOUNTS, ...linux }, top));
    return [runtime, container];
  };
  assert.deepEqual(stops({}), [false, false]);
  assert.deepEqual(stops({ hooks: { prestart: hook } }), [true, false]);
  assert.deepEqual(stops({ hooks: { createRuntime: hook } }), [true, false]);
  assert.deepEqual(stops({ hooks: { createContainer: hook } }), [false, true]);
  assert.deepEqual(stops({ hooks: { startContainer: hook, poststart: hook, poststop: hook } }), [false, false]);
  assert.deepEqual(stops({}, { netDevices: { eth9: {} } }), [true, false]);
});

test('init stops where the spec needs it or the launcher asks: mounted, in its groups, before the root is entered', () => {
  const spec = small(MOUNTS, {
    hooks: { createRuntime: hook, createContainer: hook },
    mounts: [{ destination: '/proc', type: 'proc' }],
  });
  const plan = compileStart(spec, startTarget({ awaitGo: true }));
  const at = names(plan).flatMap((name, index) => (name === 'await_go' ? [index] : []));
  const pivot = names(plan).indexOf('pivot_root');
  assert.deepEqual(at.slice(0, 2), [pivot - 2, pivot - 1]);
  assert.equal(at[2], plan.length - 2);
  assert.ok(names(plan).indexOf('await_settled') < (at[0] ?? 0) && names(plan).indexOf('mount') < (at[0] ?? 0));
  const none = compileStart(small(MOUNTS), startTarget());
  assert.equal(named(none, 'await_go').length, 0);
  const asked = compileStart(small(MOUNTS), startTarget({ stops: { runtime: true, container: false } }));
  assert.equal(named(asked, 'await_go').length, 1);
});

test('a later start: pipes before clone, init outlives its shim, and waits before a late filter', () => {
  const process = { cwd: '/', args: ['sh'], noNewPrivileges: true };
  const spec = small({ ...MOUNTS, seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } }, { process });
  const plan = compileStart(spec, startTarget({ startPipe: { start: '/run/x/start', result: '/run/x/result' } }));
  assert.deepEqual(plan[0], { op: 'start_pipe', start: '/run/x/start', result: '/run/x/result' });
  const firstOfInit = plan.find(({ op }) => OPERATIONS[op].room === 'init');
  assert.equal(firstOfInit?.op, 'outlive_shim');
  const last = ['environment', 'find_executable', 'await_start', 'no_new_privs', 'seccomp', 'exec'];
  assert.deepEqual(names(plan).slice(-6), last);
  assert.deepEqual(named(plan, 'find_executable'), [{ op: 'find_executable', file: 'sh' }]);
  assert.equal(named(plan, 'await_go').length, 0);
});

test('without a process a container is created, and there is nothing to look for', () => {
  const without = small(MOUNTS);
  delete without.process;
  const plan = compileStart(without, startTarget({ startPipe: { start: '/run/x/start', result: '/run/x/result' } }));
  assert.deepEqual(names(plan).slice(-3), ['environment', 'await_start', 'exec']);
  assert.equal(refusal(() => compileStart(without, startTarget())).field, 'process');
});

test('descriptors and the socket of the terminal, for init and for an exec', () => {
  const mounts = [{ destination: '/dev/pts', type: 'devpts' }];
  const spec = small(MOUNTS, { mounts, process: { cwd: '/', args: ['sh'], terminal: true } });
  const asked = { consoleSocket: '/run/console', preserveDescriptors: 2 };
  const wanted = { cwd: '/', args: ['x'], terminal: true };
  const connect = [{ op: 'connect', purpose: CONNECT_PURPOSES.console, host: '/run/console' }];
  const check = (plan: Plan): void => {
    assert.deepEqual(named(plan, 'connect'), connect);
    assert.ok(names(plan).indexOf('connect') < names(plan).indexOf('clone'));
    assert.deepEqual(named(plan, 'preserve_descriptors'), [{ op: 'preserve_descriptors', count: 2 }]);
  };
  check(compileStart(spec, startTarget(asked)));
  check(compileExec(spec, wanted, execTarget(asked)));
  const withoutTerminal = compileExec(spec, { ...wanted, terminal: false }, execTarget(asked));
  assert.equal(named(withoutTerminal, 'connect').length, 0);
});

test('an exec into a container whose init is no child of the shim’s', () => {
  const containerInit = { pid: 77, startTime: 9007199254740993n };
  const plan = compileExec(small(), { cwd: '/', args: ['x'] }, execTarget({ containerInit, outliveShim: true }));
  assert.deepEqual(plan[0], { op: 'container_init', pid: 77, start_time: 9007199254740993n });
  assert.ok(names(plan).indexOf('outlive_shim') < names(plan).indexOf('join_init'));
});

const profile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  listenerPath: 'agent.sock',
  listenerMetadata: '"\\u0000" and so on',
  syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
};

test('a seccomp listener is told of the container, with the pid put in by init', () => {
  const spec = small({ ...MOUNTS, seccomp: profile }, { annotations: { key: 'value' } });
  const plan = compileStart(spec, startTarget());
  assert.deepEqual(named(plan, 'connect'), [
    { op: 'connect', purpose: CONNECT_PURPOSES.seccomp_listener, host: '/bundle/agent.sock' },
  ]);
  const [load] = named(plan, 'seccomp_notify');
  assert.ok(load?.state.length === 3 && named(plan, 'seccomp').length === 0);
  assert.deepEqual(JSON.parse(load.state.join('42')), {
    ociVersion: '1.3.0',
    fds: ['seccompFd'],
    pid: 42,
    metadata: profile.listenerMetadata,
    state: {
      ociVersion: '1.3.0',
      id: 'one',
      status: 'creating',
      pid: 42,
      bundle: '/bundle',
      annotations: { key: 'value' },
    },
  });
});

test('and of an exec: its own pid, and init’s in the state', () => {
  const spec = small({ ...MOUNTS, seccomp: profile });
  const plan = compileExec(spec, { cwd: '/', args: ['x'] }, execTarget());
  const [load] = named(plan, 'seccomp_notify');
  assert.ok(load?.state.length === 2);
  const told = JSON.parse(load.state.join('42')) as { pid: number; state: { pid: number; status: string } };
  assert.deepEqual([told.pid, told.state.pid, told.state.status], [42, 1234, 'running']);
});

test('a filter that nobody listens to is refused', () => {
  const without = { ...profile, listenerPath: '', listenerMetadata: '' };
  const error = refusal(() => compileStart(small({ ...MOUNTS, seccomp: without }), startTarget()));
  assert.equal(error.field, 'linux.seccomp.listenerPath');
});
