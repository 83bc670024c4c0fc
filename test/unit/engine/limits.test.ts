import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDevices } from '../../../daemon/engine/limits-io.ts';
import { normalLimits, withLimits } from '../../../daemon/engine/limits.ts';

const refused = (field: string) => ({ name: 'EngineError', code: 'invalid_field', field });

test('sizes become bytes, and everything becomes resources', () => {
  const limits = normalLimits({ memory: '64MiB', memorySwap: -1, cpus: 1.5, cpuShares: 512, cpuset: '0-1', pids: 77 });
  assert.equal(limits.memory, 67_108_864);
  assert.deepEqual(withLimits({ pids: { limit: 2048 }, devices: [] }, limits), {
    devices: [],
    pids: { limit: 77 },
    memory: { limit: 67_108_864, swap: -1 },
    cpu: { period: 100_000, quota: 150_000, shares: 512, cpus: '0-1' },
  });
});

test('what is not said stays', () => {
  const base = { memory: { limit: 5, swappiness: 3 }, pids: { limit: 2048 } };
  assert.deepEqual(withLimits(base, { cpuShares: 3 }), { ...base, cpu: { shares: 3 } });
  assert.deepEqual(withLimits({}, {}), {});
});

test('0 and -1 are no limit', () => {
  assert.deepEqual(withLimits({}, normalLimits({ memory: 0, pids: -1 })), {
    memory: { limit: -1 },
    pids: { limit: -1 },
  });
});

test('each impossible limit is refused by its field', () => {
  assert.throws(() => normalLimits({ memory: 1000 }), refused('limits.memory'));
  assert.throws(() => normalLimits({ memory: '12XB' }), refused('limits.memory'));
  assert.throws(() => normalLimits({ memorySwap: '1g' }), refused('limits.memorySwap'));
  assert.throws(() => normalLimits({ memory: '1g', memorySwap: '512m' }), refused('limits.memorySwap'));
  assert.throws(() => normalLimits({ memory: '1g', memoryReservation: '2g' }), refused('limits.memoryReservation'));
  assert.throws(() => normalLimits({ cpus: 0.001 }), refused('limits.cpus'));
});

test('quota, period, nodes of memory, swappiness and the OOM killer; zero is not set', () => {
  const limits = normalLimits({
    ...{ cpuQuota: -1, cpuPeriod: 50_000, cpusetMems: '0', memorySwappiness: 0, oomKillDisable: true },
  });
  assert.deepEqual(withLimits({}, limits), {
    cpu: { quota: -1, period: 50_000, mems: '0' },
    memory: { swappiness: 0, disableOOMKiller: true },
  });
  assert.deepEqual(withLimits({}, normalLimits({ cpus: 1, cpuQuota: 0, cpuPeriod: 0 })), {
    cpu: { period: 100_000, quota: 100_000 },
  });
});

test('lists of devices are changed line by line', () => {
  const first = { deviceReadBps: [{ path: '/a', rate: 1 }], blkioWeightDevice: [{ path: '/a', weight: 10 }], pids: 3 };
  const second = {
    deviceReadBps: [
      { path: '/b', rate: 2 },
      { path: '/a', rate: 3 },
    ],
  };
  assert.deepEqual(withDevices(first, second), {
    deviceReadBps: [
      { path: '/a', rate: 3 },
      { path: '/b', rate: 2 },
    ],
    blkioWeightDevice: [{ path: '/a', weight: 10 }],
    pids: 3,
  });
});
