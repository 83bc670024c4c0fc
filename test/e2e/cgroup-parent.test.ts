/** Containers below a control group of somebody else's: what is missing is made, and nothing of it stays. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { controllerPlace, groupDirectory, hierarchies, probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import type { Problem } from '../../shared/api/problem.ts';
import type { Stats } from '../../shared/api/stats.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

const HOST = probeCgroups();
let top = '';
let pod = '';
beforeEach(() => {
  top = `/tare-test-${randomBytes(6).toString('hex')}`;
  pod = `${top}/pods/pod1`;
});

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const directories = (path: string): string[] => hierarchies(HOST).map((hierarchy) => groupDirectory(hierarchy, path));
const isEverywhere = (path: string): boolean => directories(path).every((directory) => existsSync(directory));
const isNowhere = (path: string): boolean => !directories(path).some((directory) => existsSync(directory));

async function started(request: Record<string, unknown> = {}, command = ['sleep', '1000']): Promise<string> {
  const id = await daemon.create(command, { cgroupParent: pod, ...request });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  return id;
}

const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

/** A file of the group in the hierarchy of a controller, by the name that the hierarchy's version has for it. */
function read(path: string, controller: string, names: { readonly 1: string; readonly 2: string }): string {
  const place = controllerPlace(HOST, controller);
  assert.ok(place, `this host has no ${controller}`);
  return readFileSync(join(groupDirectory(place.hierarchy, path), names[place.version]), 'utf8').trim();
}

test('a life: born there with its execs, limited, counted, changed, frozen; and all is gone with it', async () => {
  const id = await started({ limits: { memory: '64m', pids: 50 } });
  const path = `${pod}/${id}`;
  assert.ok(isEverywhere(path));
  const { cgroup } = await daemon.client.must<{ cgroup: string }>('GET', `/v1/containers/${id}`);
  assert.equal(cgroup, path);
  const lines = readFileSync(`/proc/${String(await daemon.hostPid(id))}/cgroup`, 'utf8')
    .trim()
    .split('\n');
  const named = lines.filter((line) => line.endsWith(path));
  assert.equal(named.length, hierarchies(HOST).length, lines.join());
  const memory = { 1: 'memory.limit_in_bytes', 2: 'memory.max' };
  assert.equal(read(path, 'memory', memory), String(64 << 20));

  const exec = await daemon.cli(['exec', id, 'cat', '/proc/self/cgroup']);
  assert.equal(exec.code, 0, exec.stderr);
  assert.doesNotMatch(exec.stdout, /\.\./, 'its own groups are the roots that it sees');
  const stats = JSON.parse(await daemon.client.must<string>('GET', `/v1/containers/${id}/stats`)) as Stats;
  assert.equal(stats.memory?.limit, 64 << 20);
  await daemon.client.must('POST', `/v1/containers/${id}/update`, { limits: { memory: '96m' } });
  assert.equal(read(path, 'memory', memory), String(96 << 20));
  await daemon.client.must('POST', `/v1/containers/${id}/pause`);
  await daemon.client.must('POST', `/v1/containers/${id}/resume`);
  await remove(id);
  assert.ok(isNowhere(top), 'with the groups that were made above it');
});

test('what was there stays, and the last of several takes the rest away', async () => {
  const own = directories(top).filter((directory) => !existsSync(directory));
  for (const directory of own) mkdirSync(directory);
  try {
    const [first, second] = [await started(), await started()];
    await remove(first);
    assert.ok(isEverywhere(`${pod}/${second}`));
    await remove(second);
    assert.ok(isNowhere(`${top}/pods`));
    assert.ok(isEverywhere(top), 'somebody else’s');
  } finally {
    for (const directory of own) rmdirSync(directory);
  }
});

test('it ends by itself, starts again, and removes itself: nothing is there in between', async () => {
  const id = await started({}, ['true']);
  await daemon.client.must('POST', `/v1/containers/${id}/wait`);
  await until('its groups are gone', () => isNowhere(top));
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('POST', `/v1/containers/${id}/wait`);
  await remove(id);
  assert.ok(isNowhere(top));
  const run = await daemon.cli(['run', '--rm', '--cgroup-parent', pod, '--rootfs', daemon.rootfs, 'true']);
  assert.equal(run.code, 0, run.stderr);
  await until('its groups are gone', () => isNowhere(top));
});

test('a start that fails leaves nothing', async () => {
  const id = await daemon.create(['/no/such/program'], { cgroupParent: pod });
  const { status } = await daemon.client.send('POST', `/v1/containers/${id}/start`);
  assert.ok(status >= 400);
  assert.ok(isNowhere(top));
  await remove(id);
});

test('kill -9 of the daemon, and of the shim as well: the next one takes away what is left', async () => {
  const [lives, orphan] = [await started(), await started()];
  const pid = await daemon.hostPid(orphan);
  const shim = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]);
  await daemon.end('SIGKILL');
  process.kill(shim, 'SIGKILL');
  await daemon.start();
  await until('the groups of the one without a shim are gone', () => isNowhere(`${pod}/${orphan}`));
  const exec = await daemon.cli(['exec', lives, 'true']);
  assert.equal(exec.code, 0, exec.stderr);
  await remove(lives);
  await remove(orphan);
  assert.ok(isNowhere(top));
});

test('one that ended while there was no daemon, and was the last', async () => {
  const id = await started();
  const pid = await daemon.hostPid(id);
  await daemon.end('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await daemon.start();
  await until('nothing is left', () => isNowhere(top));
  await remove(id);
});

test("after a reboot, what has the name of one that was made is somebody else's, and stays", async () => {
  const id = await started();
  const pid = await daemon.hostPid(id);
  await daemon.end('SIGKILL');
  process.kill(pid, 'SIGKILL');
  const registry = new DatabaseSync(join(daemon.root, 'tare.db'));
  registry.exec("UPDATE made_groups SET boot_id = 'of another boot'");
  registry.close();
  await daemon.start();
  // the groups of the container itself bear its id: those are the daemon's whenever they are found
  await remove(id);
  await daemon.end('SIGTERM');
  await daemon.start();
  const theirs = [pod, dirname(pod), top].flatMap((path) => directories(path));
  assert.ok(theirs.every((directory) => existsSync(directory)));
  for (const directory of theirs) rmdirSync(directory);
});

test('below one that is frozen nothing starts, and the words say so', async () => {
  const place = controllerPlace(HOST, 'freezer');
  const own = directories(top).filter((directory) => !existsSync(directory));
  for (const directory of own) mkdirSync(directory);
  const [file, word] = place === undefined ? ['cgroup.freeze', '1'] : ['freezer.state', 'FROZEN'];
  for (const directory of own) if (existsSync(join(directory, file))) writeFileSync(join(directory, file), word);
  try {
    const id = await daemon.create(['true'], { cgroupParent: top });
    const { status, body } = await daemon.client.send<Problem>('POST', `/v1/containers/${id}/start`);
    assert.ok(status >= 400, JSON.stringify(body));
    assert.match(body.detail, /frozen/);
    assert.ok(body.detail.includes(top), body.detail);
    await remove(id);
  } finally {
    for (const directory of own) rmdirSync(directory);
  }
});

test('bad input is refused by field', async () => {
  const { cgroup } = await daemon.client.must<{ cgroup: { parent: string } }>('GET', '/v1/info');
  for (const cgroupParent of ['pods', '/a/../b', '/.', '', cgroup.parent, `${cgroup.parent}/x/`, '/a\0b', '/a\nb', 7]) {
    const body = { rootfs: daemon.rootfs, command: ['true'], cgroupParent };
    const answer = await daemon.client.send<Problem>('POST', '/v1/containers', body);
    assert.equal(answer.status, 400, JSON.stringify(cgroupParent));
    assert.equal(answer.body.field, 'cgroupParent');
  }
  const { code, stderr } = await daemon.cli(['run', '--cgroup-parent', 'a/../b', '--rootfs', daemon.rootfs, 'true']);
  assert.equal(code, 125);
  assert.match(stderr, /--cgroup-parent/);
});
