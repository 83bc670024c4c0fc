/** Groups at a path that the caller names, with parents that may be anybody's: on the real hierarchies of this machine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs, { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { after, mock, test } from 'node:test';
import { controllerPlace, groupDirectory, hierarchies, probeCgroups } from '../../../daemon/runtime/cgroups/host.ts';
import * as live from '../../../daemon/runtime/cgroups/live.ts';

const HOST = probeCgroups();
const TOP = `/tare-unit-${randomBytes(6).toString('hex')}`;

after(() => live.remove(HOST, TOP, 30_000));

const everywhere = (path: string): boolean[] =>
  hierarchies(HOST).map((hierarchy) => existsSync(groupDirectory(hierarchy, path)));
const isEverywhere = (path: string): boolean => everywhere(path).every(Boolean);
const isNowhere = (path: string): boolean => !everywhere(path).some(Boolean);

/** A process in the groups `path`; ends with its stdin. */
async function processIn(path: string): Promise<{ end: () => Promise<void> }> {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  for (const hierarchy of hierarchies(HOST)) {
    writeFileSync(join(groupDirectory(hierarchy, path), 'cgroup.procs'), String(child.pid));
  }
  const exited = once(child, 'exit');
  return {
    end: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

void test('paths: absolute as they are, others below a parent of ours, systemd units refused', () => {
  assert.equal(live.groupPathOf('/kubepods/burstable/pod1/abc', 'id'), '/kubepods/burstable/pod1/abc');
  assert.equal(live.groupPathOf('team/web', 'id'), '/tare-oci/team/web');
  assert.equal(live.groupPathOf(undefined, 'id'), '/tare-oci/id');
  assert.equal(live.groupPathOf('', 'id'), '/tare-oci/id');
  assert.equal(live.groupPathOf('/odd:name:here', 'id'), '/odd:name:here');
  for (const unit of ['system.slice:runc:abc', ':runc:abc', '::abc']) {
    assert.throws(() => live.groupPathOf(unit, 'id'), {
      name: 'SpecError',
      field: 'linux.cgroupsPath',
      kind: 'unsupported',
    });
  }
  for (const path of ['/', '/a/../b', '../a', 'a//b', '/a/', './a', 'a/.', 'a\0b']) {
    assert.throws(() => live.groupPathOf(path, 'id'), { name: 'SpecError', field: 'linux.cgroupsPath' }, path);
  }
});

void test('every missing parent is made, usable in every hierarchy, and taken away again', async () => {
  const path = `${TOP}/pods/pod1/leaf`;
  const { host, parents } = live.prepareGroups(HOST, path);
  assert.ok(isEverywhere(path));
  assert.equal(parents.length, 3 * hierarchies(HOST).length);
  const inside = await processIn(path);
  const cpuset = controllerPlace(host, 'cpuset');
  if (cpuset?.version === 1) {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const text = (group: string): string => readFileSync(join(groupDirectory(cpuset.hierarchy, group), file), 'utf8');
      assert.equal(text(path), text('/'));
    }
  }
  assert.ok(
    hierarchies(host).every(({ files }) => files?.includes('cgroup.procs')),
    'the files are those of the group',
  );
  if (HOST.v2 !== undefined) {
    const text = readFileSync(join(groupDirectory(HOST.v2, path), 'cgroup.controllers'), 'utf8');
    assert.deepEqual(host.v2?.controllers, text.split(/\s+/).filter(Boolean));
  }
  await inside.end();
  await live.removeGroups(HOST, path, parents);
  assert.ok(isNowhere(TOP));
  await live.removeGroups(HOST, path, parents);
});

void test('a parent that was there before stays, and so does one that is in use', async () => {
  for (const hierarchy of hierarchies(HOST)) mkdirSync(groupDirectory(hierarchy, `${TOP}/theirs`), { recursive: true });
  const first = live.prepareGroups(HOST, `${TOP}/theirs/ours/one`);
  const second = live.prepareGroups(HOST, `${TOP}/theirs/ours/two`);
  assert.deepEqual(second.parents, []);
  await live.removeGroups(HOST, `${TOP}/theirs/ours/one`, first.parents);
  assert.ok(isEverywhere(`${TOP}/theirs/ours/two`), 'the other container lives below it');
  await live.removeGroups(HOST, `${TOP}/theirs/ours/two`, first.parents);
  assert.ok(isNowhere(`${TOP}/theirs/ours`));
  assert.ok(isEverywhere(`${TOP}/theirs`));
});

void test('the default parent goes with the last container, whoever made it', async () => {
  const ids = [1, 2].map((number) => `tare-unit-${randomBytes(6).toString('hex')}-${String(number)}`);
  const [one = '', two = ''] = ids.map((id) => live.groupPathOf(undefined, id));
  const first = live.prepareGroups(HOST, one);
  live.prepareGroups(HOST, two);
  await live.removeGroups(HOST, one, first.parents);
  assert.ok(isEverywhere(two));
  await live.removeGroups(HOST, two, []);
  assert.ok(isNowhere(one) && isNowhere(two));
});

void test('directories elsewhere are not removed, whatever the list of parents says', async () => {
  const path = `${TOP}/careful/leaf`;
  live.prepareGroups(HOST, path);
  const others = hierarchies(HOST).map((hierarchy) => groupDirectory(hierarchy, `${TOP}/other`));
  for (const other of others) mkdirSync(other);
  await live.removeGroups(HOST, path, others);
  assert.ok(others.every((other) => existsSync(other)));
  assert.ok(isEverywhere(`${TOP}/careful`) && isNowhere(path));
});

void test('a group with processes is refused by its number of them, and left alone; an empty one serves', async () => {
  const path = `${TOP}/shared/leaf`;
  const { parents } = live.prepareGroups(HOST, path);
  const inside = await processIn(path);
  assert.throws(() => live.prepareGroups(HOST, path), {
    name: 'CgroupError',
    code: 'EBUSY',
    field: 'linux.cgroupsPath',
    message: /not empty: 1 processes/,
  });
  assert.ok(isEverywhere(path));
  await assert.rejects(live.removeGroups(HOST, path, parents, 50), { name: 'CgroupError', code: 'EBUSY' });
  await inside.end();
  assert.deepEqual(live.prepareGroups(HOST, path).parents, []);
  await live.removeGroups(HOST, path, parents);
  assert.ok(isNowhere(`${TOP}/shared`));
});

void test('a frozen group is refused, also where only its parent is frozen; nothing stays made', async () => {
  const path = `${TOP}/cold/leaf`;
  const { parents } = live.prepareGroups(HOST, path);
  for (const frozen of [path, `${TOP}/cold`]) {
    const place = controllerPlace(HOST, 'freezer');
    const file = place === undefined ? 'cgroup.freeze' : 'freezer.state';
    const hierarchy = place?.hierarchy ?? HOST.v2;
    assert.ok(hierarchy !== undefined);
    const state = join(groupDirectory(hierarchy, frozen), file);
    writeFileSync(state, place === undefined ? '1' : 'FROZEN');
    const target = frozen === path ? path : `${TOP}/cold/deep/other`;
    assert.throws(() => live.prepareGroups(HOST, target), { code: 'EBUSY', message: /frozen/ });
    assert.ok(isNowhere(`${TOP}/cold/deep`));
    writeFileSync(state, place === undefined ? '0' : 'THAWED');
  }
  await live.removeGroups(HOST, path, parents);
});

void test('groups that the container made below its own go too', async () => {
  const path = `${TOP}/nest/leaf`;
  const { parents } = live.prepareGroups(HOST, path);
  for (const hierarchy of hierarchies(HOST)) {
    mkdirSync(join(groupDirectory(hierarchy, path), 'a/b'), { recursive: true });
    mkdirSync(join(groupDirectory(hierarchy, path), 'c'));
  }
  await live.removeGroups(HOST, path, parents);
  assert.ok(isNowhere(`${TOP}/nest`));
});

/** The worst of neighbours: whoever makes the group `path` finds its parent taken away just then, so many times. */
function whileRemoving<T>(path: string, times: number, action: () => T): T {
  const left = new Map(hierarchies(HOST).map((hierarchy) => [groupDirectory(hierarchy, path), times]));
  const original = fs.mkdirSync;
  const mocked = mock.method(fs, 'mkdirSync', (directory: string) => {
    const again = left.get(directory) ?? 0;
    if (again > 0) rmdirSync(dirname(directory));
    left.set(directory, again - 1);
    original(directory);
  });
  syncBuiltinESMExports();
  try {
    return action();
  } finally {
    mocked.mock.restore();
    syncBuiltinESMExports();
  }
}

void test('a parent that others take away in the midst is made again', async () => {
  const path = `${TOP}/race/leaf`;
  const { parents } = whileRemoving(path, 3, () => live.prepareGroups(HOST, path));
  const inside = await processIn(path);
  await inside.end();
  await live.removeGroups(HOST, path, parents);
  assert.ok(isNowhere(`${TOP}/race`));
  assert.throws(() => whileRemoving(path, Infinity, () => live.prepareGroups(HOST, path)), {
    name: 'CgroupError',
    code: 'ENOENT',
  });
  assert.ok(isNowhere(`${TOP}/race`));
});

void test('a path that the kernel refuses names itself, and nothing stays', () => {
  const path = `${TOP}/odd/two\nlines`;
  assert.throws(() => live.prepareGroups(HOST, path), { name: 'CgroupError', code: 'EINVAL' });
  assert.ok(isNowhere(`${TOP}/odd`));
});
