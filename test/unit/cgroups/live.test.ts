/** On the real hierarchies of this machine, under a group of this test's own. */
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compileCgroup, compileJoin, oomFileOf } from '../../../daemon/runtime/cgroups/compile.ts';
import { controllerPlace, groupDirectory, hierarchies, probeCgroups } from '../../../daemon/runtime/cgroups/host.ts';
import * as live from '../../../daemon/runtime/cgroups/live.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import type { Resources } from '../../../daemon/runtime/spec/types.ts';

const PARENT = `/tare-unit-${randomBytes(6).toString('hex')}`;
const HOST = live.prepareParent(probeCgroups(), PARENT);
const MEBIBYTE = 1 << 20;

after(() => live.remove(HOST, PARENT, 30_000));

/** A process that waits for a line on stdin and then runs `script`. */
async function waiting(script: string): Promise<ChildProcessWithoutNullStreams & { pid: number }> {
  const child = spawn('sh', ['-c', `echo ready; read line; ${script}`]);
  await once(child.stdout, 'data');
  assert.ok(child.pid !== undefined);
  return Object.assign(child, { pid: child.pid });
}

/** What the shim does with the operations; a v2 device program needs bpf(2), which Node has not. */
function carryOut(operations: readonly Operation[], pid?: number): void {
  for (const operation of operations) {
    if (operation.op === 'cgroup_make') mkdirSync(operation.host, { recursive: true });
    else if (operation.op === 'cgroup_write') writeFileSync(operation.host, operation.value);
    else if ((operation.op === 'cgroup_join' || operation.op === 'cgroup_into') && pid !== undefined) {
      writeFileSync(join(operation.host, 'cgroup.procs'), String(pid));
    }
  }
}

function makeGroup(name: string, resources: Resources = {}): string {
  const path = `${PARENT}/${name}`;
  const { beforeClone, afterClone } = compileCgroup(HOST, path, resources);
  carryOut([...beforeClone, ...afterClone].filter(({ op }) => op !== 'cgroup_join' && op !== 'cgroup_into'));
  return path;
}

function joinGroup(path: string, pid: number): void {
  const { beforeClone, afterClone } = compileJoin(HOST, path);
  carryOut([...beforeClone, ...afterClone], pid);
}

/** A file of a controller's group, by its name in v1 and in v2. */
function read(controller: string, path: string, v1File: string, v2File: string): string {
  const place = controllerPlace(HOST, controller);
  assert.ok(place !== undefined);
  const file = place.version === 1 ? v1File : v2File;
  return readFileSync(join(groupDirectory(place.hierarchy, path), file), 'utf8').trim();
}

const memoryLimit = (path: string): string => read('memory', path, 'memory.limit_in_bytes', 'memory.max');
const pidsLimit = (path: string): string => read('pids', path, 'pids.max', 'pids.max');

void test('a group is made, filled and joined; its numbers are told; it is removed with what is in it', async () => {
  const path = makeGroup('whole', {
    memory: { limit: 64 * MEBIBYTE },
    pids: { limit: 33 },
    cpu: { shares: 512, quota: 50_000, period: 100_000 },
  });
  const child = await waiting('sleep 1000');
  joinGroup(path, child.pid);
  assert.deepEqual(live.processes(HOST, path), [child.pid]);
  assert.deepEqual(live.processes(HOST, PARENT), [child.pid], 'also from above');
  assert.deepEqual(live.list(HOST, PARENT), ['whole']);
  const stats = live.stats(HOST, path);
  assert.equal(stats.pids.limit, 33);
  assert.equal(stats.pids.current, 1);
  assert.equal(stats.memory.limit, 64 * MEBIBYTE);
  assert.equal(stats.oomKills, 0);
  assert.ok((stats.memory.current ?? -1) >= 0 && (stats.cpu.usageNanoseconds ?? -1) >= 0);
  assert.equal(stats.cpu.throttledPeriods, 0);
  const exited = once(child, 'exit');
  await live.remove(HOST, path, 30_000);
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  assert.deepEqual(live.list(HOST, PARENT), []);
  assert.ok(hierarchies(HOST).every((hierarchy) => !existsSync(groupDirectory(hierarchy, path))));
  await live.remove(HOST, path);
  assert.deepEqual(live.processes(HOST, path), []);
  assert.equal(live.oomKills(HOST, path), undefined);
  assert.equal(live.stats(HOST, path).memory.current, undefined);
});

void test('a v1 group has the devices it was given, and no others', (context) => {
  const place = controllerPlace(HOST, 'devices');
  // On v2 alone a program guards devices; devices.test.ts runs it.
  if (place === undefined) {
    context.diagnostic('no v1 devices here');
    return;
  }
  const path = makeGroup('devices', { devices: [{ allow: true, type: 'c', major: 10, minor: 200, access: 'rw' }] });
  const text = readFileSync(join(groupDirectory(place.hierarchy, path), 'devices.list'), 'utf8');
  const lines = text.trim().split('\n').sort();
  const always = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2', '136:*'].map((device) => `c ${device} rwm`);
  assert.deepEqual(lines, ['b *:* m', 'c *:* m', 'c 10:200 rw', ...always].sort());
});

void test('a frozen group stands still until it is thawed', async () => {
  const path = makeGroup('frozen');
  const child = await waiting('echo went on; read line');
  joinGroup(path, child.pid);
  await live.freeze(HOST, path, 30_000);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stdin.write('\n');
  assert.equal(output, '');
  await live.freeze(HOST, path, 30_000);
  await live.thaw(HOST, path, 30_000);
  while (!output.includes('went on')) await once(child.stdout, 'data');
  await live.thaw(HOST, path, 30_000);
  await live.freeze(HOST, path, 30_000);
  const exited = once(child, 'exit');
  live.killAll(HOST, path);
  assert.deepEqual(await exited, [null, 'SIGKILL'], 'a frozen process can be killed');
  await live.remove(HOST, path, 30_000);
  await assert.rejects(live.freeze(HOST, path), { name: 'CgroupError', code: 'ENOENT' });
});

void test('limits change live, up and down, and all or none', () => {
  const path = makeGroup('limits', { memory: { limit: 32 * MEBIBYTE, swap: 64 * MEBIBYTE }, pids: { limit: 10 } });
  live.update(HOST, path, { memory: { limit: 128 * MEBIBYTE, swap: 256 * MEBIBYTE }, pids: { limit: 20 } });
  assert.equal(memoryLimit(path), String(128 * MEBIBYTE));
  live.update(HOST, path, { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } });
  assert.equal(memoryLimit(path), String(16 * MEBIBYTE));
  live.update(HOST, path, { memory: { swap: 48 * MEBIBYTE }, cpu: { shares: 300 } });
  assert.throws(() => {
    live.update(HOST, path, { memory: { swap: 8 * MEBIBYTE } });
  }, SpecError);
  if (controllerPlace(HOST, 'memory')?.version === 1) {
    assert.throws(
      () => {
        live.update(HOST, path, { memory: { limit: 96 * MEBIBYTE } });
      },
      { name: 'CgroupError', field: 'linux.resources.memory.limit' },
    );
  }
  // A cpu that cannot be: the kernel refuses the last write, and the ones before are taken back.
  assert.throws(
    () => {
      live.update(HOST, path, { memory: { limit: 20 * MEBIBYTE }, pids: { limit: 5 }, cpu: { period: 7 } });
    },
    { name: 'CgroupError', field: 'linux.resources.cpu.period', code: 'EINVAL' },
  );
  assert.equal(memoryLimit(path), String(16 * MEBIBYTE));
  assert.equal(pidsLimit(path), '20');
});

void test('a memory limit below what is in use is refused, and nothing has changed', async () => {
  const path = makeGroup('busy', { memory: { limit: 512 * MEBIBYTE }, pids: { limit: 100 } });
  const child = await waiting(
    'exec node -e "const b = Buffer.alloc(64 << 20, 1); console.log(b.length); setInterval(() => b.at(-1), 1e6)"',
  );
  joinGroup(path, child.pid);
  child.stdin.write('\n');
  await once(child.stdout, 'data');
  const memory = { limit: MEBIBYTE, swap: MEBIBYTE, checkBeforeUpdate: true };
  assert.throws(
    () => {
      live.update(HOST, path, { memory, pids: { limit: 50 } });
    },
    { name: 'CgroupError', code: 'EBUSY' },
  );
  assert.equal(memoryLimit(path), String(512 * MEBIBYTE));
  assert.equal(pidsLimit(path), '100');
  assert.equal(child.exitCode, null);
  const exited = once(child, 'exit');
  await live.remove(HOST, path, 30_000);
  await exited;
});

void test('kills by the OOM killer are counted', async () => {
  const path = makeGroup('hog', { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } });
  const child = await waiting('exec tail /dev/zero');
  joinGroup(path, child.pid);
  const exited = once(child, 'exit');
  child.stdin.write('\n');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  assert.equal(live.oomKills(HOST, path), 1);
  assert.match(readFileSync(oomFileOf(HOST, path), 'utf8'), /^oom_kill 1$/m);
});

void test('groups that a container made below its own are emptied and removed too', async () => {
  const path = makeGroup('nested');
  const children = [await waiting('sleep 1000'), await waiting('sleep 1000')];
  for (const [index, child] of children.entries()) {
    joinGroup(path, child.pid);
    const hierarchy = controllerPlace(HOST, 'freezer')?.hierarchy ?? HOST.v2;
    assert.ok(hierarchy !== undefined);
    const below = join(groupDirectory(hierarchy, path), `below${String(index)}`, 'deep');
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, 'cgroup.procs'), String(child.pid));
  }
  assert.deepEqual(
    live.processes(HOST, path),
    children.map(({ pid }) => pid).sort((a, b) => a - b),
  );
  const exits = children.map((child) => once(child, 'exit'));
  await live.remove(HOST, path, 30_000);
  await Promise.all(exits);
  assert.ok(!live.list(HOST, PARENT).includes('nested'));
});

void test('the parent goes only when no container is left below it', async () => {
  const parent = `${PARENT}-empty`;
  const host = live.prepareParent(HOST, parent);
  const directories = hierarchies(host).map((hierarchy) => groupDirectory(hierarchy, parent));
  for (const directory of directories) mkdirSync(join(directory, 'container'));
  live.releaseParent(host, parent);
  assert.ok(directories.every((directory) => existsSync(directory)));
  await live.remove(host, `${parent}/container`, 30_000);
  live.releaseParent(host, parent);
  assert.ok(directories.every((directory) => !existsSync(directory)));
  live.releaseParent(host, parent);
});

void test('the root is never touched', async () => {
  for (const path of ['/', '', '/..', '/a/../..']) {
    assert.throws(() => {
      live.killAll(HOST, path);
    }, SpecError);
    await assert.rejects(live.remove(HOST, path), SpecError);
    await assert.rejects(live.freeze(HOST, path), SpecError);
  }
});
