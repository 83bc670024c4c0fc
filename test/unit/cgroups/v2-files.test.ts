/** Reading and updating a v2 group, from files with what a v2 kernel says: the machine of the tests may have none. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CgroupHost } from '../../../daemon/runtime/cgroups/host.ts';
import * as live from '../../../daemon/runtime/cgroups/live.ts';

const MOUNT = mkdtempSync(join(tmpdir(), 'tare-v2-'));
const HOST: CgroupHost = {
  mode: 'v2',
  v1: [],
  v2: { mount: MOUNT, controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'] },
};

after(() => {
  rmSync(MOUNT, { recursive: true });
});

function group(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(MOUNT, name));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(MOUNT, name, file), text);
  return `/${name}`;
}

const read = (path: string, file: string): string => readFileSync(join(MOUNT, path, file), 'utf8');

void test('numbers are read', () => {
  const path = group('numbers', {
    'memory.current': '4096\n',
    'memory.peak': '8192\n',
    'memory.max': 'max\n',
    'memory.swap.current': '0\n',
    'memory.stat': 'anon 1024\ninactive_file 512\n',
    'memory.events': 'low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n',
    'cpu.stat': 'usage_usec 1500\nuser_usec 1000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 77\n',
    'pids.current': '3\n',
    'pids.max': '2048\n',
    'io.stat': '8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=2\n',
  });
  assert.deepEqual(live.stats(HOST, path), {
    memory: {
      current: 4096,
      peak: 8192,
      limit: undefined,
      swap: 0,
      inactiveFile: 512,
      details: new Map([
        ['anon', 1024],
        ['inactive_file', 512],
      ]),
    },
    cpu: {
      usageNanoseconds: 1_500_000,
      userNanoseconds: 1_000_000,
      kernelNanoseconds: undefined,
      perCpuNanoseconds: undefined,
      periods: 10,
      throttledPeriods: 4,
      throttledNanoseconds: 77_000,
    },
    pids: { current: 3, limit: 2048 },
    io: {
      devices: [
        { major: 8, minor: 0, readBytes: 100, writeBytes: 200 },
        { major: 8, minor: 16, readBytes: 1, writeBytes: 2 },
      ],
    },
    oomKills: 2,
  });
});

void test('an update knows what is in force', () => {
  const path = group('update', {
    'memory.max': '65536',
    'memory.swap.max': '0',
    'cpu.max': '5000 100000',
    'memory.current': '0',
  });
  live.update(HOST, path, { memory: { swap: 98_304 }, cpu: { period: 200_000 } });
  assert.equal(read(path, 'memory.swap.max'), '32768');
  assert.equal(read(path, 'cpu.max'), '5000 200000');
});

void test('a limit below what is in use is refused where that is asked for', () => {
  const path = group('check', { 'memory.max': '65536', 'memory.current': '40000', 'pids.max': '10000' });
  const update = (limit: number): void => {
    live.update(HOST, path, { pids: { limit: 20_000 }, memory: { limit, checkBeforeUpdate: true } });
  };
  assert.throws(
    () => {
      update(30_000);
    },
    { name: 'CgroupError', code: 'EBUSY', field: 'linux.resources.memory.limit' },
  );
  assert.deepEqual([read(path, 'memory.max'), read(path, 'pids.max')], ['65536', '10000']);
  update(50_000);
  assert.deepEqual([read(path, 'memory.max'), read(path, 'pids.max')], ['50000', '20000']);
});

void test('the freezer is cgroup.freeze and cgroup.events', async () => {
  const path = group('freezer', { 'cgroup.freeze': '0', 'cgroup.events': 'populated 1\nfrozen 1\n' });
  await live.freeze(HOST, path);
  assert.equal(read(path, 'cgroup.freeze'), '1');
  await assert.rejects(live.thaw(HOST, path, 5), { name: 'CgroupError', code: 'ETIMEDOUT' });
  assert.equal(read(path, 'cgroup.freeze'), '0');
});

void test('an exec belongs where init is only if that is below the container', () => {
  // This process is in no group of that container, whatever kind of host this is.
  assert.equal(live.groupOfProcess(HOST, '/tare-unit-none/container', process.pid), '/tare-unit-none/container');
  assert.equal(live.groupOfProcess(HOST, '/tare-unit-none/container', 2 ** 22 + 1), '/tare-unit-none/container');
});
