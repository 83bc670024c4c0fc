/** linux.resources on cgroup v2: each value is in the file it belongs to, and the kernel heeds it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import { stats } from '../../daemon/runtime/cgroups/live.ts';
import { until } from '../harness/until.ts';
import { deviceNumbers, host, MEBIBYTE } from './host.ts';

const WAIT = ['sleep', '1000'];

test('memory: limit, swap alone, reservation', async () => {
  const container = await host.start(WAIT, {
    memory: { limit: 64 * MEBIBYTE, swap: 96 * MEBIBYTE, reservation: 32 * MEBIBYTE },
  });
  assert.deepEqual(container.files('memory.max', 'memory.swap.max', 'memory.low'), {
    'memory.max': String(64 * MEBIBYTE),
    'memory.swap.max': String(32 * MEBIBYTE),
    'memory.low': String(32 * MEBIBYTE),
  });
  await container.remove();
  const unlimited = await host.start(WAIT, { memory: { limit: -1, swap: -1 } });
  assert.deepEqual(unlimited.files('memory.max', 'memory.swap.max'), { 'memory.max': 'max', 'memory.swap.max': 'max' });
  await unlimited.remove();
});

test('what does not fit into memory goes to swap, as much as was granted', async () => {
  const fill = 'x=$(head -c 24m /dev/zero | tr "\\0" x); echo filled; sleep 1000; true';
  const granted = await host.start(['sh', '-c', fill], { memory: { limit: 16 * MEBIBYTE, swap: 128 * MEBIBYTE } });
  await until('it is filled', async () => (await host.daemon.logText(granted.id, 'stdout')) === 'filled\n', 120);
  const { memory, oomKills } = stats(probeCgroups(), granted.path);
  assert.ok((memory.swap ?? 0) > 4 * MEBIBYTE, `${memory.swap ?? '?'} bytes in swap`);
  assert.ok((memory.current ?? Infinity) <= 16 * MEBIBYTE);
  assert.equal(memory.limit, 16 * MEBIBYTE);
  assert.equal(oomKills, 0);
  await granted.remove();
});

test('cpu: quota, period, burst, shares as a weight', async () => {
  const container = await host.start(WAIT, { cpu: { quota: 20_000, period: 50_000, burst: 10_000, shares: 512 } });
  assert.deepEqual(container.files('cpu.max', 'cpu.max.burst', 'cpu.weight'), {
    'cpu.max': '20000 50000',
    'cpu.max.burst': '10000',
    // The curve of runc 1.3 and crun 1.23: 2 is 1, 1024 is 100, 262144 is 10000.
    'cpu.weight': '59',
  });
  await container.remove();
  for (const [shares, weight] of [
    [2, '1'],
    [1024, '100'],
    [262_144, '10000'],
  ] as const) {
    const other = await host.start(WAIT, { cpu: { shares } });
    assert.equal(other.read('cpu.weight'), weight);
    await other.remove();
  }
});

test('cpu: a quota throttles, and idle is idle', async () => {
  const busy = await host.start(['sh', '-c', 'while :; do :; done'], { cpu: { quota: 10_000, period: 100_000 } });
  await until('it is throttled', () => (stats(probeCgroups(), busy.path).cpu.throttledPeriods ?? 0) >= 3);
  const { cpu } = stats(probeCgroups(), busy.path);
  assert.ok((cpu.usageNanoseconds ?? 0) > 0 && (cpu.throttledNanoseconds ?? 0) > 0);
  await busy.remove();
  const idle = await host.start(WAIT, { cpu: { idle: 1 } });
  assert.equal(idle.read('cpu.idle'), '1');
  await idle.remove();
});

test('cpuset: the process may run there and nowhere else', async () => {
  const container = await host.start(WAIT, { cpu: { cpus: '1', mems: '0' } });
  assert.deepEqual(container.files('cpuset.cpus', 'cpuset.mems'), { 'cpuset.cpus': '1', 'cpuset.mems': '0' });
  const { stdout } = await container.exec('grep', 'Cpus_allowed_list', '/proc/self/status');
  assert.match(stdout, /\t1\n/);
  await container.remove();
});

test('pids', async () => {
  const container = await host.start(WAIT, { pids: { limit: 17 } });
  assert.equal(container.read('pids.max'), '17');
  assert.deepEqual(stats(probeCgroups(), container.path).pids, { current: 1, limit: 17 });
  await container.remove();
  const unlimited = await host.start(WAIT, { pids: { limit: -1 } });
  assert.equal(unlimited.read('pids.max'), 'max');
  await unlimited.remove();
});

test('hugepages: what is mapped and what is reserved', async () => {
  const container = await host.start(WAIT, { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MEBIBYTE }] });
  assert.deepEqual(container.files('hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max'), {
    'hugetlb.2MB.max': String(4 * MEBIBYTE),
    'hugetlb.2MB.rsvd.max': String(4 * MEBIBYTE),
  });
  await container.remove();
});

test('block devices: rates, weights, and what was read is counted', async () => {
  writeFileSync('/sys/block/vdc/queue/scheduler', 'bfq');
  const { key, major, minor } = deviceNumbers('vdc');
  const container = await host.start(
    WAIT,
    {
      blockIO: {
        weight: 500,
        weightDevice: [{ major, minor, weight: 300 }],
        throttleReadBpsDevice: [{ major, minor, rate: 32 * MEBIBYTE }],
        throttleWriteBpsDevice: [{ major, minor, rate: 16 * MEBIBYTE }],
        throttleWriteIOPSDevice: [{ major, minor, rate: 500 }],
      },
    },
    { devices: [{ source: '/dev/vdc', permissions: 'r' }] },
  );
  assert.equal(
    container.read('io.max'),
    `${key} rbps=${String(32 * MEBIBYTE)} wbps=${String(16 * MEBIBYTE)} riops=max wiops=500`,
  );
  const weights = container.read('io.bfq.weight').split('\n');
  assert.match(weights[0] ?? '', /^(default )?500$/);
  assert.ok(weights.includes(`${key} 300`), weights.join());
  const read = await container.exec('dd', 'if=/dev/vdc', 'of=/dev/null', 'bs=1M', 'count=4');
  assert.equal(read.code, 0, read.stderr);
  const [device] = stats(probeCgroups(), container.path).io?.devices ?? [];
  assert.ok((device?.readBytes ?? 0) >= 4 * MEBIBYTE, container.read('io.stat'));
  await container.remove();
});

test('unified: files by name, the last word', async () => {
  const container = await host.start(WAIT, {
    memory: { limit: 64 * MEBIBYTE },
    unified: { 'memory.high': String(48 * MEBIBYTE), 'memory.oom.group': '1', 'pids.max': '33' },
  });
  assert.deepEqual(container.files('memory.high', 'memory.oom.group', 'pids.max', 'memory.max'), {
    'memory.high': String(48 * MEBIBYTE),
    'memory.oom.group': '1',
    'pids.max': '33',
    'memory.max': String(64 * MEBIBYTE),
  });
  await container.remove();
});

test('what v2 does not have is refused by name', async () => {
  const refusals: [resources: Record<string, unknown>, field: string][] = [
    [{ memory: { limit: 64 * MEBIBYTE, swappiness: 10 } }, 'memory.swappiness'],
    [{ memory: { limit: 64 * MEBIBYTE, disableOOMKiller: true } }, 'memory.disableOOMKiller'],
    [{ memory: { limit: 64 * MEBIBYTE, kernelTCP: MEBIBYTE } }, 'memory.kernelTCP'],
    [{ cpu: { realtimeRuntime: 1000 } }, 'cpu.realtimeRuntime'],
    [{ network: { classID: 1 } }, 'network.classID'],
    [{ unified: { 'memory.nothing': '1' } }, 'unified.memory.nothing'],
    [{ unified: { 'cgroup.procs': '1' } }, 'unified.cgroup.procs'],
    [{ hugepageLimits: [{ pageSize: '3MB', limit: 0 }] }, 'hugepageLimits[0]'],
  ];
  for (const [resources, name] of refusals) {
    const { status, field, detail } = await host.refused(resources);
    assert.ok(status >= 400 && status < 500, `${name}: ${status} ${detail}`);
    assert.ok(`${field ?? ''} ${detail}`.includes(`linux.resources.${name}`), `${name}: ${field ?? ''} ${detail}`);
  }
});
