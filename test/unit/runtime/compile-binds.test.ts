/** Binds with their owners mapped or their mounts shared, and the holders that the former need. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import { compileHolder, idMapsNeeded } from '../../../daemon/runtime/plan/id-maps.ts';
import { CLONE_FLAGS, MOUNT_ATTR, MS } from '../../../daemon/runtime/plan/kernel.ts';
import { named, names, refusal, small, startTarget } from './targets.ts';

const MOUNTS = { namespaces: [{ type: 'mount' }] };
const lines = (hostID: number): object[] => [{ containerID: 0, hostID, size: 10 }];
const bind = (destination: string, options: string[], more: object = {}): object => ({
  destination,
  type: 'bind',
  source: `/src${destination}`,
  options,
  ...more,
});
const mapped = (hostID: number): object => ({ uidMappings: lines(hostID), gidMappings: lines(hostID) });

test('one holder for all mounts with the same maps', () => {
  const mounts = [
    bind('/a', ['bind'], mapped(1000)),
    bind('/b', ['bind']),
    bind('/c', ['rbind', 'ridmap'], mapped(2000)),
    bind('/d', ['idmap'], mapped(1000)),
  ];
  const wanted = idMapsNeeded(small(MOUNTS, { mounts }));
  assert.deepEqual(
    wanted.map(({ mounts: indices }) => indices),
    [[0, 3], [2]],
  );
  assert.deepEqual(wanted[1]?.mappings.uidMappings, lines(2000));
});

test('without maps of its own a mount takes those of the container: of a holder, or of the namespace that it joins', () => {
  const mounts = [bind('/a', ['idmap'])];
  const fresh = small({ namespaces: [{ type: 'mount' }, { type: 'user' }], ...mapped(5000) }, { mounts });
  assert.deepEqual(idMapsNeeded(fresh)[0]?.mappings.gidMappings, lines(5000));
  const joined = small({ namespaces: [{ type: 'mount' }, { type: 'user', path: '/ns/user' }] }, { mounts });
  assert.deepEqual(idMapsNeeded(joined), []);
  const plan = compileStart(joined, startTarget());
  assert.equal(named(plan, 'bind_tree')[0]?.user_namespace, '/ns/user');
});

test('trees are cloned before the child is born, and counted in their order', () => {
  const mounts = [
    bind('/a', ['rbind', 'ridmap', 'ro', 'rnosuid'], mapped(1000)),
    bind('/b', ['bind']),
    bind('/c', ['rbind', 'idmap'], mapped(2000)),
  ];
  const idMaps = new Map([
    [0, '/proc/7/ns/user'],
    [2, '/proc/8/ns/user'],
  ]);
  const plan = compileStart(small(MOUNTS, { mounts }), startTarget({ idMaps }));
  assert.deepEqual(named(plan, 'bind_tree'), [
    { op: 'bind_tree', source: '/src/a', recursive: 1, user_namespace: '/proc/7/ns/user', map_all: 1 },
    { op: 'bind_tree', source: '/src/c', recursive: 1, user_namespace: '/proc/8/ns/user', map_all: 0 },
  ]);
  assert.ok(names(plan).lastIndexOf('bind_tree') < names(plan).indexOf('clone'));
  assert.deepEqual(
    named(plan, 'bind').map(({ target, tree, set, set_all }) => [target, tree, set, set_all]),
    [
      ['/a', 0, MOUNT_ATTR.RDONLY, MOUNT_ATTR.NOSUID],
      ['/b', -1, 0, 0],
      ['/c', 1, 0, 0],
    ],
  );
  const missing = refusal(() => compileStart(small(MOUNTS, { mounts }), startTarget()));
  assert.equal(missing.field, 'mounts[0].uidMappings');
});

test('a holder is a process in a user namespace that waits to be killed', () => {
  const map = [{ containerID: 0, hostID: 1000, size: 2n ** 32n - 2n }];
  const plan = compileHolder({ uidMappings: map, gidMappings: map });
  assert.deepEqual(names(plan), ['clone', 'gid_map', 'uid_map', 'await_settled', 'await_go']);
  assert.deepEqual(named(plan, 'clone'), [{ op: 'clone', flags: CLONE_FLAGS.user }]);
  assert.equal(named(plan, 'uid_map')[0]?.map, '0 1000 4294967294\n');
  assert.ok(encodePlan(plan).length > 0);
});

test('shared with the host: cloned in its mount namespace, while the container’s is private', () => {
  const mounts = [bind('/a', ['rbind', 'rshared']), bind('/b', ['rbind'])];
  const plan = compileStart(small({ ...MOUNTS, rootfsPropagation: 'rshared' }, { mounts }), startTarget());
  assert.deepEqual(named(plan, 'bind_tree'), [
    { op: 'bind_tree', source: '/src/a', recursive: 1, user_namespace: '', map_all: 0 },
  ]);
  assert.deepEqual(
    named(plan, 'bind').map(({ tree, propagation }) => [tree, propagation]),
    [
      [0, MS.SHARED | MS.REC],
      [-1, 0],
    ],
  );
  assert.deepEqual(named(plan, 'root_propagation'), [{ op: 'root_propagation', flags: MS.PRIVATE | MS.REC }]);
});

test('nothing of ours is mounted in what is shared with the host', () => {
  const mounts = [bind('/a', ['rshared']), { destination: '/a/tmp', type: 'tmpfs' }];
  const linux = { ...MOUNTS, rootfsPropagation: 'shared' };
  const error = refusal(() => compileStart(small(linux, { mounts }), startTarget()));
  assert.deepEqual([error.field, error.kind], ['mounts[1].destination', 'unsupported']);
  // Before it, it is below and hidden; beside it, it has nothing to do with it.
  const fine = [{ destination: '/a/tmp', type: 'tmpfs' }, bind('/a', ['rshared']), bind('/ab', [])];
  assert.doesNotThrow(() => compileStart(small(linux, { mounts: fine }), startTarget()));
  // Where the root is not shared, nothing is shared with the host.
  const own = compileStart(small(MOUNTS, { mounts }), startTarget());
  assert.deepEqual(named(own, 'bind_tree'), []);
  assert.deepEqual(named(own, 'bind')[0]?.propagation, MS.SHARED | MS.REC);
});

test('a bind that says nothing is private beside one that is a slave, and follows a root that is one', () => {
  const mounts = [bind('/a', ['rslave']), bind('/b', [])];
  const propagation = (linux: object): unknown[] =>
    named(compileStart(small({ ...MOUNTS, ...linux }, { mounts }), startTarget()), 'bind').map(
      (one) => one.propagation,
    );
  assert.deepEqual(propagation({}), [MS.SLAVE | MS.REC, MS.PRIVATE | MS.REC]);
  assert.deepEqual(propagation({ rootfsPropagation: 'rslave' }), [MS.SLAVE | MS.REC, 0]);
});

test('a remount changes what is named, of the mount or of the tree', () => {
  const mounts = [
    { destination: '/run', type: 'tmpfs' },
    { destination: '/run', options: ['remount', 'ro', 'rnodev', 'private'] },
  ];
  const plan = compileStart(small(MOUNTS, { mounts }), startTarget());
  const at = names(plan).indexOf('mount');
  assert.deepEqual(plan.slice(at + 1, at + 3), [
    { op: 'mount_attributes', target: '/run', set: MOUNT_ATTR.NODEV, clear: 0, recursive: 1, propagation: 0 },
    { op: 'mount_attributes', target: '/run', set: MOUNT_ATTR.RDONLY, clear: 0, recursive: 0, propagation: MS.PRIVATE },
  ]);
});
