/** Whose the control group becomes; config-linux.md, "Cgroup ownership". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CgroupHost } from '../../../daemon/runtime/cgroups/host.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import type { Plan } from '../../../daemon/runtime/plan/operations.ts';
import { HYBRID, V2, named, names, small, startTarget } from './targets.ts';

const MAPS = [
  { containerID: 0, hostID: 100_000, size: 1000 },
  { containerID: 1000, hostID: 200_000, size: 10 },
];
const types = (...names: string[]): { type: string }[] => names.map((type) => ({ type }));
const WRITABLE = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'rw'] };
const GROUP = '/sys/fs/cgroup/tare-0/one';

interface Case {
  readonly uid?: number;
  readonly namespaces?: readonly object[];
  readonly mount?: object;
  readonly cgroups?: CgroupHost;
}

/** A container in a user namespace, with its control group to be written to. */
function planOf({ uid = 0, namespaces = types('mount', 'cgroup', 'user'), mount, cgroups = V2 }: Case = {}): Plan {
  const hasMaps = namespaces.some((one) => 'type' in one && one.type === 'user' && !('path' in one));
  const linux = { namespaces, ...(hasMaps ? { uidMappings: MAPS, gidMappings: MAPS } : {}) };
  const process = { cwd: '/', args: ['sh'], user: { uid, gid: 0 } };
  const spec = small(linux, { process, mounts: [mount ?? WRITABLE] });
  return compileStart(spec, startTarget({ cgroups }));
}

const given = (wanted?: Case): [string, number | bigint][] =>
  named(planOf(wanted), 'cgroup_own').map(({ host, uid }) => [host, uid]);
const files = (...list: string[]): string[] => [GROUP, ...list.map((name) => `${GROUP}/${name}`)];

test('directory and files become the user’s that the program’s is on the host', () => {
  const expected = files('cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads');
  for (const [uid, host] of [
    [0, 100_000],
    [999, 100_999],
    [1000, 200_000],
    [1009, 200_009],
  ] as const) {
    assert.deepEqual(
      given({ uid }),
      expected.map((path) => [path, host]),
    );
  }
});

test('the files are those that the kernel lists', () => {
  const delegated = ['cgroup.procs', 'memory.reclaim'];
  const cgroups: CgroupHost = { ...V2, v2: { mount: '/sys/fs/cgroup', controllers: [], delegated } };
  assert.deepEqual(
    given({ cgroups }).map(([path]) => path),
    files(...delegated),
  );
});

test('it is done once the group is made, and before there is a process in it', () => {
  const order = names(planOf());
  assert.ok(order.lastIndexOf('cgroup_make') < order.indexOf('cgroup_own'));
  assert.ok(order.lastIndexOf('cgroup_own') < order.indexOf('clone'));
});

test('any view of it that may be written to counts', () => {
  for (const mount of [
    { ...WRITABLE, options: [] },
    { ...WRITABLE, options: ['ro', 'rw'] },
    { ...WRITABLE, type: 'cgroup2' },
  ]) {
    assert.equal(given({ mount }).length, 4, JSON.stringify(mount));
  }
});

test('it stays root’s where nothing may be written, and where the namespaces are not the container’s', () => {
  const cases: Record<string, Case> = {
    'read-only': { mount: { ...WRITABLE, options: ['ro'] } },
    'read-only, recursively': { mount: { ...WRITABLE, options: ['rro'] } },
    'somewhere else': { mount: { ...WRITABLE, destination: '/groups' } },
    'a bind': { mount: { destination: '/sys/fs/cgroup', type: 'bind', source: '/groups', options: ['rbind'] } },
    'no view': { mount: { destination: '/proc', type: 'proc' } },
    'no cgroup namespace': { namespaces: types('mount', 'user') },
    'a cgroup namespace that is joined': {
      namespaces: [...types('mount', 'user'), { type: 'cgroup', path: '/proc/1/ns/cgroup' }],
    },
    'a user namespace that is joined': {
      namespaces: [...types('mount', 'cgroup'), { type: 'user', path: '/proc/2/ns/user' }],
    },
    'root without a user namespace': { namespaces: types('mount', 'cgroup') },
    v1: { cgroups: HYBRID },
  };
  for (const [name, wanted] of Object.entries(cases)) assert.deepEqual(given(wanted), [], name);
});

test('without a user namespace it is the program’s user, as it is', () => {
  assert.deepEqual(given({ uid: 7, namespaces: types('mount', 'cgroup') })[0], [GROUP, 7]);
});
