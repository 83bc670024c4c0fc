/** Namespaces by path, and what a container without a mount namespace of its own can have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARE_HOST } from '../../../daemon/runtime/host-facts.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { CLONE_FLAGS, MS } from '../../../daemon/runtime/plan/kernel.ts';
import type { RootSource } from '../../../daemon/runtime/plan/target.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import { named, names, refusal, small, startTarget } from './targets.ts';

const root: RootSource = { kind: 'bind', source: '/bundle/rootfs' };
const ownHost = { ...BARE_HOST, isOwnNamespace: (): boolean => true };

test('each type is joined by path: the pid namespace at birth, the others by init', () => {
  for (const type of ['network', 'ipc', 'uts', 'cgroup', 'time', 'pid'] as const) {
    const plan = compileStart(
      small({ namespaces: [{ type: 'mount' }, { type, path: '/ns/x' }] }),
      startTarget({ root }),
    );
    const at = named(plan, type === 'pid' ? 'birth_namespace' : 'namespace_join');
    assert.deepEqual(
      at.map(({ type: flag, host }) => [flag, host]),
      [[CLONE_FLAGS[type], '/ns/x']],
    );
    assert.equal(Number(named(plan, 'clone')[0]?.flags) & CLONE_FLAGS[type], 0);
  }
});

test('a user namespace by path: all others are entered with it, nothing is mapped, and its root becomes init', () => {
  const namespaces = [
    { type: 'mount' },
    { type: 'pid' },
    { type: 'network', path: '/ns/net' },
    { type: 'user', path: '/ns/user' },
  ];
  const plan = compileStart(small({ namespaces }), startTarget({ root }));
  assert.deepEqual(named(plan, 'birth_namespace'), [
    { op: 'birth_namespace', type: CLONE_FLAGS.network, host: '/ns/net' },
    { op: 'birth_namespace', type: CLONE_FLAGS.user, host: '/ns/user' },
  ]);
  assert.deepEqual(named(plan, 'clone'), [{ op: 'clone', flags: CLONE_FLAGS.mount | CLONE_FLAGS.pid }]);
  assert.equal(named(plan, 'uid_map').length, 0);
  assert.ok(names(plan).indexOf('become_root') > names(plan).indexOf('root_bind'));
  assert.equal(named(plan, 'device').length, 0);
});

test('an overlay is made by the root that its files are to belong to', () => {
  const mapping = [{ containerID: 0, hostID: 1000, size: 10 }];
  const namespaces = [{ type: 'mount' }, { type: 'user' }];
  const plan = compileStart(small({ namespaces, uidMappings: mapping, gidMappings: mapping }), startTarget());
  assert.ok(names(plan).indexOf('become_root') < names(plan).indexOf('root_overlay'));
});

test('a mount namespace by path: only what is ours is kept private, and it is entered by chroot', () => {
  const namespaces = [{ type: 'pid' }, { type: 'mount', path: '/ns/mnt' }];
  const mounts = [
    { destination: '/proc', type: 'proc' },
    { destination: '/data', type: 'bind', source: '/data', options: ['rbind'] },
  ];
  const plan = compileStart(small({ namespaces }, { mounts }), startTarget({ root }));
  const from = names(plan).indexOf('namespace_join');
  assert.deepEqual(names(plan).slice(from, from + 5), [
    'namespace_join',
    'private_parent',
    'root_bind',
    'mount_attributes',
    'mount',
  ]);
  assert.equal(named(plan, 'mount_attributes')[0]?.propagation, MS.PRIVATE | MS.REC);
  assert.equal(named(plan, 'bind')[0]?.propagation, MS.PRIVATE | MS.REC);
  assert.equal(named(plan, 'root_propagation').length + named(plan, 'pivot_root').length, 0);
  assert.equal(named(plan, 'change_root').length, 1);
});

test('without a mount namespace nothing is mounted, and what would be is refused by name', () => {
  const namespaces = [{ type: 'pid' }];
  const plan = compileStart(small({ namespaces }), startTarget({ root }));
  assert.deepEqual(named(plan, 'root_directory'), [{ op: 'root_directory', source: '/bundle/rootfs' }]);
  assert.equal(named(plan, 'change_root').length, 1);
  const mounting = ['mount', 'bind', 'root_bind', 'device_bind', 'masked', 'readonly', 'root_propagation', 'terminal'];
  for (const { op } of plan) assert.ok(!mounting.includes(op), op);

  const refused: readonly (readonly [field: string, linux: object, top: object])[] = [
    ['mounts', {}, { mounts: [{ destination: '/proc', type: 'proc' }] }],
    ['root.readonly', {}, { root: { path: 'r', readonly: true } }],
    ['linux.maskedPaths', { maskedPaths: ['/x'] }, {}],
    ['linux.readonlyPaths', { readonlyPaths: ['/x'] }, {}],
    ['linux.rootfsPropagation', { rootfsPropagation: 'shared' }, {}],
    ['process.terminal', {}, { process: { cwd: '/', args: ['x'], terminal: true } }],
  ];
  for (const [field, linux, top] of refused) {
    const error = refusal(() => compileStart(small({ namespaces, ...linux }, top), startTarget({ root })));
    assert.deepEqual([error.field, error.kind], [field, 'unsupported']);
  }
  const overlay = refusal(() => compileStart(small({ namespaces }), startTarget()));
  assert.deepEqual([overlay.field, overlay.kind], ['linux.namespaces', 'unsupported']);
  const own = small(
    { namespaces: [{ type: 'mount', path: '/proc/self/ns/mnt' }] },
    { mounts: [{ destination: '/x', type: 'tmpfs' }] },
  );
  assert.equal(refusal(() => compileStart(own, startTarget({ root, host: ownHost }))).field, 'mounts');
  const user = small({ namespaces: [{ type: 'user', path: '/ns/user' }] });
  assert.equal(refusal(() => compileStart(user, startTarget({ root }))).field, 'linux.namespaces');
});

test('a caller who takes the mounts away again has them made in his own namespace, private and below the directory', () => {
  const namespaces = [{ type: 'pid' }];
  const mounts = [
    { destination: '/proc', type: 'proc' },
    { destination: '/data', type: 'bind', source: '/data', options: ['rbind'] },
  ];
  const target = startTarget({ root, hostMounts: true });
  const plan = compileStart(small({ namespaces, maskedPaths: ['/proc/kcore'] }, { mounts }), target);
  const from = names(plan).indexOf('root_directory');
  assert.deepEqual(names(plan).slice(from, from + 3), ['root_directory', 'mount', 'bind']);
  assert.equal(named(plan, 'bind')[0]?.propagation, MS.PRIVATE | MS.REC);
  assert.ok(names(plan).indexOf('masked') < names(plan).indexOf('change_root'));
  for (const op of ['root_propagation', 'private_parent', 'root_bind', 'pivot_root'] as const) {
    assert.equal(named(plan, op).length, 0, op);
  }
  const readonly = small({ namespaces }, { root: { path: 'r', readonly: true } });
  assert.equal(refusal(() => compileStart(readonly, target)).field, 'root.readonly');
  const shared = small({ namespaces, rootfsPropagation: 'shared' });
  assert.equal(refusal(() => compileStart(shared, target)).field, 'linux.rootfsPropagation');
});

test('a parameter is not written into a namespace that is the host’s own', () => {
  const linux = {
    namespaces: [{ type: 'mount' }, { type: 'network', path: '/ns/net' }],
    sysctl: { 'net.core.somaxconn': '1' },
  };
  assert.deepEqual(named(compileStart(small(linux), startTarget({ root })), 'sysctl'), [
    { op: 'sysctl', key: 'net/core/somaxconn', value: '1' },
  ]);
  const error = refusal(() => compileStart(small(linux), startTarget({ root, host: ownHost })));
  assert.ok(error instanceof SpecError);
  assert.deepEqual([error.field, error.kind], ['linux.sysctl.net.core.somaxconn', 'unsupported']);
});
