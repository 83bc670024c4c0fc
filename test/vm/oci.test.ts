/** tare-oci on a host with cgroup v2 alone: from create to delete, in a group whose parents it makes. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { countDevicePrograms } from '../../native-bindings/bpf.ts';
import { FOREVER, plainConfig } from '../harness/oci-config.ts';
import { newId, type Config } from '../harness/oci.ts';
import { until } from '../harness/until.ts';
import { host, MEBIBYTE, MOUNT } from './host.ts';

/** Somebody's parent group, another for each test. */
const newTop = (): string => `/vm-${randomBytes(4).toString('hex')}`;

/** The everyday container in the group `path`; `linux` is laid over the rest of it. */
function config(path: string, args: readonly string[], resources: Config = {}): Config {
  const plain = plainConfig(args);
  return { ...plain, linux: { ...(plain.linux as Config), cgroupsPath: path, resources } };
}

const read = (path: string, file: string): string => readFileSync(join(MOUNT, path, file), 'utf8').trim();

async function must(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.oci.invoke(args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function create(wanted: Config): Promise<string> {
  const id = newId();
  const { code, stderr } = await host.oci.create(id, host.oci.bundle(wanted));
  assert.equal(code, 0, stderr);
  return id;
}

const allowing = (...numbers: [major: number, minor: number][]): Config[] =>
  numbers.map(([major, minor]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' }));

test('a whole life: parents made, born in its group, limited, guarded, changed, frozen, ended', async () => {
  const top = newTop();
  const path = `${top}/pods/one`;
  const resources = {
    memory: { limit: 64 * MEBIBYTE, swap: 96 * MEBIBYTE },
    cpu: { shares: 512, cpus: '1' },
    pids: { limit: 50 },
    unified: { 'memory.high': String(48 * MEBIBYTE) },
    devices: [{ allow: false, access: 'rwm' }, ...allowing([1, 11])],
  };
  const plain = config(path, FOREVER, resources);
  const kmsg = { path: '/dev/kmsg', type: 'c', major: 1, minor: 11 };
  const id = await create({ ...plain, linux: { ...(plain.linux as Config), devices: [kmsg] } });
  const { pid = NaN } = (await host.oci.state(id)) ?? {};
  assert.equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), `0::${path}\n`);
  for (const parent of [top, `${top}/pods`])
    assert.match(read(parent, 'cgroup.subtree_control'), /\bmemory\b.*\bpids\b/);
  const files = ['memory.max', 'memory.swap.max', 'memory.high', 'cpu.weight', 'cpuset.cpus', 'pids.max'];
  assert.deepEqual(
    files.map((file) => read(path, file)),
    [64 * MEBIBYTE, 32 * MEBIBYTE, 48 * MEBIBYTE, 59, 1, 50].map(String),
  );
  assert.equal(countDevicePrograms(join(MOUNT, path)), 1);
  await must('start', id);
  assert.equal(await must('exec', id, 'cat', '/proc/self/cgroup'), '0::/\n');
  await must('exec', id, 'dd', 'if=/dev/null', 'of=/dev/kmsg', 'count=0');

  await must('update', '--memory', '80m', '--memory-swap', '80m', '--pids-limit', '40', id);
  assert.deepEqual(
    ['memory.max', 'memory.swap.max', 'pids.max'].map((file) => read(path, file)),
    [String(80 * MEBIBYTE), '0', '40'],
  );
  const changes = join(host.oci.folder, 'changes.json');
  writeFileSync(changes, JSON.stringify({ devices: allowing([1, 1]) }));
  await must('update', '--resources', changes, id);
  assert.equal(countDevicePrograms(join(MOUNT, path)), 1);
  const closed = await host.oci.exec(id, ['dd', 'if=/dev/null', 'of=/dev/kmsg', 'count=0']);
  assert.notEqual(closed.code, 0);
  assert.match(closed.stderr, /Operation not permitted/);

  const { data } = JSON.parse(await must('events', '--stats', id)) as {
    data: { pids: { limit: number }; memory: { usage: { limit: number } } };
  };
  assert.deepEqual([data.pids.limit, data.memory.usage.limit], [40, 80 * MEBIBYTE]);
  await must('pause', id);
  assert.match(read(path, 'cgroup.events'), /^frozen 1$/m);
  assert.equal((await host.oci.state(id))?.status, 'paused');
  await must('resume', id);
  assert.match(read(path, 'cgroup.events'), /^frozen 0$/m);
  await must('kill', id, 'KILL');
  await host.oci.reach(id, 'stopped');
  await must('delete', id);
  assert.ok(!existsSync(join(MOUNT, top)), 'the parents that it made go with it');
});

test('a group that is in use or frozen is refused, and its container is let alone', async () => {
  const top = newTop();
  mkdirSync(join(MOUNT, top));
  const path = `${top}/shared`;
  const id = await create(config(path, FOREVER));
  const second = await host.oci.create(newId(), host.oci.bundle(config(path, FOREVER)));
  assert.equal(second.code, 1);
  assert.match(second.stderr, /control group is not empty: 1 processes are in it/);
  assert.equal((await host.oci.state(id))?.status, 'created');
  await must('delete', '--force', id);
  assert.ok(existsSync(join(MOUNT, top)), 'a parent that was there stays');
  writeFileSync(join(MOUNT, top, 'cgroup.freeze'), '1');
  const cold = await host.oci.create(newId(), host.oci.bundle(config(path, FOREVER)));
  assert.equal(cold.code, 1);
  assert.match(cold.stderr, /control group is frozen/);
  rmdirSync(join(MOUNT, top));
});

test('the OOM killer: 137, and counted', async () => {
  const limits = { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } };
  const top = newTop();
  const path = `${top}/hog`;
  const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'];
  const id = await create(config(path, FOREVER, limits));
  await must('start', id);
  const { code } = await host.oci.exec(id, eater);
  assert.equal(code, 137);
  assert.match(read(path, 'memory.events'), /^oom_kill 1$/m);
  await must('delete', '--force', id);
  const run = await host.oci.invoke(['run', '--bundle', host.oci.bundle(config(path, eater, limits)).folder, newId()]);
  assert.equal(run.code, 137);
  assert.ok(!existsSync(join(MOUNT, top)));
});

test('an exec goes where init has gone, which gave its own group controllers for children', async () => {
  const top = newTop();
  const path = `${top}/nested`;
  const script =
    'cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo +pids >cgroup.subtree_control && exec sleep 100000';
  const wanted = config(path, ['sh', '-c', script]);
  const mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] };
  const id = await create({ ...wanted, mounts: [...(wanted.mounts as Config[]), mount] });
  await must('start', id);
  await until('it has moved', () => existsSync(join(MOUNT, path, 'init/pids.max')));
  assert.equal(await must('exec', id, 'cat', '/proc/self/cgroup'), '0::/init\n');
  await must('delete', '--force', id);
  assert.ok(!existsSync(join(MOUNT, top)));
});

test('huge pages beyond the limit are not had', async () => {
  const limits = { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MEBIBYTE }] };
  const path = `${newTop()}/huge`;
  const wanted = config(path, FOREVER, limits);
  const mount = { destination: '/huge', type: 'hugetlbfs', source: 'huge', options: ['pagesize=2M'] };
  const id = await create({ ...wanted, mounts: [...(wanted.mounts as Config[]), mount] });
  await must('start', id);
  await must('exec', id, 'fallocate', '-l', String(4 * MEBIBYTE), '/huge/granted');
  const beyond = await host.oci.exec(id, ['fallocate', '-l', String(2 * MEBIBYTE), '/huge/beyond']);
  assert.notEqual(beyond.code, 0);
  assert.equal(read(path, 'hugetlb.2MB.current'), String(4 * MEBIBYTE));
  await must('delete', '--force', id);
});

test('a limit for an RDMA device that is not there is refused by the file, and nothing is left', async () => {
  const top = newTop();
  const refused = await host.oci.create(
    newId(),
    host.oci.bundle(config(`${top}/rdma`, FOREVER, { rdma: { nothere0: { hcaHandles: 3 } } })),
  );
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /rdma\.max/);
  assert.ok(!existsSync(join(MOUNT, top)));
});
