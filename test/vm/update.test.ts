/** Limits change while the container runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import { CgroupError, update } from '../../daemon/runtime/cgroups/live.ts';
import { deviceNumbers, host, MEBIBYTE } from './host.ts';

const WAIT = ['sleep', '1000'];

test('over the API: all that can be limited', async () => {
  const container = await host.start(WAIT, {}, { limits: { memory: '64MiB', pids: 100 } });
  await container.post('update', {
    limits: { memory: '96MiB', memorySwap: '128MiB', memoryReservation: '16MiB', cpus: 0.5, cpuShares: 2048 },
  });
  await container.post('update', { limits: { cpuset: '0', pids: 50 } });
  assert.deepEqual(
    container.files('memory.max', 'memory.swap.max', 'memory.low', 'cpu.max', 'cpu.weight', 'cpuset.cpus', 'pids.max'),
    {
      'memory.max': String(96 * MEBIBYTE),
      'memory.swap.max': String(32 * MEBIBYTE),
      'memory.low': String(16 * MEBIBYTE),
      'cpu.max': '50000 100000',
      'cpu.weight': '174',
      'cpuset.cpus': '0',
      'pids.max': '50',
    },
  );
  await container.remove();
});

test('a period alone keeps the quota, a swap alone counts from the limit in force', async () => {
  const container = await host.start(WAIT, { cpu: { quota: 30_000 }, memory: { limit: 32 * MEBIBYTE } });
  update(probeCgroups(), container.path, { cpu: { period: 60_000 }, memory: { swap: 48 * MEBIBYTE } });
  assert.deepEqual(container.files('cpu.max', 'memory.swap.max'), {
    'cpu.max': '30000 60000',
    'memory.swap.max': String(16 * MEBIBYTE),
  });
  update(probeCgroups(), container.path, { cpu: { quota: -1 } });
  assert.equal(container.read('cpu.max'), 'max 60000');
  await container.remove();
});

test('a limit that is lowered live is met by who runs', async () => {
  const script = 'until [ -e /tmp/go ]; do sleep 0.02; done; exec dd if=/dev/zero of=/dev/null bs=64M count=1';
  const container = await host.start(['sh', '-c', script], { memory: { limit: 256 * MEBIBYTE } });
  await container.post('update', { limits: { memory: '16MiB', memorySwap: '16MiB' } });
  await container.exec('touch', '/tmp/go');
  const exit = await host.daemon.client.must<{ code: number; oomKilled: boolean }>(
    'GET',
    `/v1/containers/${container.id}/wait`,
  );
  assert.deepEqual([exit.code, exit.oomKilled], [137, true]);
  await container.remove();
});

test('values that bound each other go in the order that the kernel takes', async () => {
  const container = await host.start(WAIT, { cpu: { quota: 50_000, period: 100_000, burst: 40_000 } });
  update(probeCgroups(), container.path, { cpu: { quota: 20_000, burst: 10_000 } });
  assert.deepEqual(container.files('cpu.max', 'cpu.max.burst'), {
    'cpu.max': '20000 100000',
    'cpu.max.burst': '10000',
  });
  update(probeCgroups(), container.path, { cpu: { quota: 60_000, burst: 60_000 } });
  assert.deepEqual(container.files('cpu.max', 'cpu.max.burst'), {
    'cpu.max': '60000 100000',
    'cpu.max.burst': '60000',
  });
  update(probeCgroups(), container.path, { cpu: { shares: 2048, idle: 1 } });
  assert.equal(container.read('cpu.idle'), '1');
  update(probeCgroups(), container.path, { cpu: { shares: 512, idle: 0 } });
  assert.deepEqual(container.files('cpu.idle', 'cpu.weight'), { 'cpu.idle': '0', 'cpu.weight': '59' });
  await container.remove();
});

test('all or none: what was written before the refused one is put back', async () => {
  const { key, major, minor } = deviceNumbers('vdc');
  const container = await host.start(WAIT, {
    memory: { limit: 64 * MEBIBYTE },
    pids: { limit: 40 },
    blockIO: { throttleReadBpsDevice: [{ major, minor, rate: MEBIBYTE }] },
  });
  // The empty cpuset cannot be had again; the same CPUs can.
  const names = 'memory.max memory.swap.max pids.max cpu.max cpu.weight cpuset.cpus.effective io.max'.split(' ');
  const before = container.files(...names);
  assert.throws(() => {
    update(probeCgroups(), container.path, {
      memory: { limit: 32 * MEBIBYTE, swap: 32 * MEBIBYTE },
      pids: { limit: 20 },
      cpu: { quota: 10_000, shares: 2000, cpus: '0' },
      blockIO: {
        throttleReadBpsDevice: [{ major, minor, rate: 2 * MEBIBYTE }],
        throttleWriteBpsDevice: [{ major: 4095, minor: 9, rate: 1 }],
      },
    });
  }, CgroupError);
  assert.deepEqual(container.files(...names), before);
  assert.match(before['io.max'] ?? '', new RegExp(`^${key} rbps=${String(MEBIBYTE)} `));
  const refused = await host.daemon.client.send('POST', `/v1/containers/${container.id}/update`, {
    limits: { pids: 7, cpuset: '900' },
  });
  assert.ok(refused.status >= 400 && refused.status < 600);
  assert.deepEqual(container.files(...names), before);
  await container.remove();
});
