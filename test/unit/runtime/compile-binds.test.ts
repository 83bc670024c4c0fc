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
    { op: 'bind_tree', source: '/src/a', recursive: 1, user_namespace: '/proc/7/ns/user', map_all: 1, below: '' },
    { op: 'bind_tree', source: '/src/c', recursive: 1, user_namespace: '/proc/8/ns/user', map_all: 0, below: '' },
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
    { op: 'bind_tree', source: '/src/a', recursive: 1, user_namespace: '', map_all: 0, below: '' },
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

test('a part of a volume, and layers of an image, come from trees of the shim', () => {
  const mounts = [bind('/part', ['rbind']), bind('/image', ['rbind', 'ro']), bind('/own', ['rbind'], { source: 'id' })];
  const writable = { upper: '/c/upper', work: '/c/work' };
  const sources = [
    { kind: 'below', destination: '/part', source: '/src/part', directory: '/volume', path: '../x' },
    { kind: 'layers', destination: '/image', source: '/src/image', lower: ['/l/2', '/l/1'] },
    { kind: 'layers', destination: '/own', source: 'id', lower: ['/l/1'], writable },
    { kind: 'layers', destination: '/own', source: 'another mount is there now', lower: ['/l/3'] },
  ] as const;
  const plan = compileStart(small(MOUNTS, { mounts }), startTarget({ sources }));
  assert.deepEqual(named(plan, 'bind_tree'), [
    { op: 'bind_tree', source: '/volume', recursive: 1, user_namespace: '', map_all: 0, below: '../x' },
  ]);
  assert.deepEqual(named(plan, 'overlay_tree'), [
    { op: 'overlay_tree', lower: ['/l/2', '/l/1'], upper: '', work: '', volatile: 0 },
    { op: 'overlay_tree', lower: ['/l/1'], upper: '/c/upper', work: '/c/work', volatile: 0 },
  ]);
  assert.deepEqual(
    named(plan, 'bind').map(({ target, tree }) => [target, tree]),
    [
      ['/part', 0],
      ['/image', 1],
      ['/own', 2],
    ],
  );
});

test('the layers of a root in a user namespace are mounted by the shim, which sees what they hide', () => {
  const maps = { uidMappings: lines(5000), gidMappings: lines(5000) };
  const spec = small({ namespaces: [{ type: 'mount' }, { type: 'user' }], ...maps });
  const disk = { kind: 'overlay-disk', lower: ['/l/2', '/l/1'], upper: '/u', work: '/w', volatile: true } as const;
  const plan = compileStart(spec, startTarget({ root: disk }));
  assert.deepEqual(named(plan, 'overlay_tree'), [
    { op: 'overlay_tree', lower: ['/l/2', '/l/1'], upper: '/u', work: '/w', volatile: 1 },
  ]);
  assert.equal(named(plan, 'root_tree')[0]?.tree, 0);
  assert.deepEqual(named(plan, 'root_overlay'), []);
  const single = compileStart(spec, startTarget({ root: { ...disk, lower: ['/l/1'] } }));
  assert.equal(named(single, 'root_overlay')[0]?.userxattr, 1);
  const memory = { kind: 'overlay-tmpfs', lower: ['/l/2', '/l/1'], size: 0 } as const;
  assert.throws(() => compileStart(spec, startTarget({ root: memory })), /upper layer in memory/);
});

test('the working directory is made after the mounts that it may lie in, and before the root is read-only', () => {
  const spec = { ...small(MOUNTS, { mounts: [bind('/a', ['bind'])] }), root: { path: '/r', readonly: true } };
  const { process } = spec;
  assert.ok(process !== undefined);
  const plan = compileStart(
    { ...spec, process: { ...process, cwd: '/a/b' } },
    startTarget({ makeWorkingDirectory: true }),
  );
  const at = (test: (operation: (typeof plan)[number]) => boolean): number => plan.findIndex(test);
  const made = at((operation) => operation.op === 'directory' && operation.path === '/a/b');
  assert.ok(at((operation) => operation.op === 'bind' && operation.target === '/a') < made);
  assert.ok(made < at((operation) => operation.op === 'mount_attributes' && operation.target === '/'));
});
