/** The limits beyond memory, CPUs and processes: in the files of the group, at create and by update. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { attempt } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

/** Of the v1 controller, or of v2. */
function directoryOf(pid: number, controller: string): { directory: string; isV1: boolean } {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const v1 = new RegExp(`^\\d+:(?:[a-z_]+,)*${controller}(?:,[a-z_]+)*:(.*)$`, 'm').exec(groups)?.[1];
  if (v1 !== undefined) return { directory: `/sys/fs/cgroup/${controller}${v1}`, isV1: true };
  return { directory: `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)?.[1] ?? ''}`, isV1: false };
}

const isV1 = (controller: string): boolean => directoryOf(process.pid, controller).isV1;

async function reader(id: string): Promise<(controller: string, file: string) => string> {
  const pid = await daemon.hostPid(id);
  return (controller, file) => readFileSync(`${directoryOf(pid, controller).directory}/${file}`, 'utf8').trim();
}

async function started(limits: Record<string, unknown>): Promise<string> {
  const id = await daemon.create(['sleep', '1000'], { limits });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  return id;
}

const update = (id: string, limits: Record<string, unknown>) =>
  daemon.client.send<{ code?: string; field?: string }>('POST', `/v1/containers/${id}/update`, { limits });

test('quota and period stand in the group, and are changed while it runs', async () => {
  const id = await started({ cpuQuota: 20_000, cpuPeriod: 50_000, cpusetMems: '0' });
  const read = await reader(id);
  const times = () =>
    isV1('cpu') ? `${read('cpu', 'cpu.cfs_quota_us')} ${read('cpu', 'cpu.cfs_period_us')}` : read('cpu', 'cpu.max');
  assert.equal(times(), '20000 50000');
  assert.equal(read('cpuset', 'cpuset.mems'), '0');
  assert.equal((await update(id, { cpuQuota: 30_000 })).status, 204);
  assert.equal(times(), '30000 50000');
  const both = await update(id, { cpus: 1 });
  assert.deepEqual([both.status, both.body.field], [400, 'limits.cpuQuota']);
  assert.equal(times(), '30000 50000');
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

/** The first disk of this machine, if the kernel throttles any. */
function disk(): string | undefined {
  const names = existsSync('/sys/block') ? readdirSync('/sys/block') : [];
  return names.map((name) => `/dev/${name}`).find((path) => statSync(path, { throwIfNoEntry: false })?.isBlockDevice());
}

test('rates of a device: named ones change, others stay, 0 takes one away', async () => {
  const path = disk();
  assert.ok(path !== undefined, 'there is no block device');
  const { rdev } = statSync(path);
  const key = `${String((rdev >>> 8) & 0xfff)}:${String((rdev & 0xff) | ((rdev >>> 12) & 0xfff00))}`;
  const id = await started({ deviceReadBps: [{ path, rate: 1_048_576 }], deviceWriteIops: [{ path, rate: 50 }] });
  const read = await reader(id);
  const rates = () =>
    isV1('blkio')
      ? [read('blkio', 'blkio.throttle.read_bps_device'), read('blkio', 'blkio.throttle.write_iops_device')]
      : [read('io', 'io.max')];
  const expected = (bps: number | undefined) =>
    isV1('blkio')
      ? [bps === undefined ? '' : `${key} ${bps}`, `${key} 50`]
      : [`${key} rbps=${bps ?? 'max'} wbps=max riops=max wiops=50`];
  assert.deepEqual(rates(), expected(1_048_576));
  assert.equal((await update(id, { deviceReadBps: [{ path, rate: 2_097_152 }] })).status, 204);
  assert.deepEqual(rates(), expected(2_097_152));
  assert.equal((await update(id, { deviceReadBps: [{ path, rate: 0 }] })).status, 204);
  assert.deepEqual(rates(), expected(undefined));
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('swappiness and the OOM killer are v1’s; elsewhere they are refused by name', async () => {
  const limits = { memory: '64m', memorySwappiness: 10, oomKillDisable: true };
  if (!isV1('memory')) {
    for (const [name, value] of [
      ['memorySwappiness', 10],
      ['oomKillDisable', true],
    ] as const) {
      const { refused } = await attempt(daemon, ['true'], { limits: { [name]: value } });
      assert.deepEqual([refused?.code, refused?.field], ['unsupported', `limits.${name}`]);
    }
    return;
  }
  const id = await started(limits);
  const read = await reader(id);
  assert.equal(read('memory', 'memory.swappiness'), '10');
  assert.match(read('memory', 'memory.oom_control'), /^oom_kill_disable 1$/m);
  assert.equal((await update(id, { memorySwappiness: 20, oomKillDisable: false })).status, 204);
  assert.equal(read('memory', 'memory.swappiness'), '20');
  assert.match(read('memory', 'memory.oom_control'), /^oom_kill_disable 0$/m);
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  const { warnings } = await daemon.client.must<{ warnings: string[] }>('POST', '/v1/containers', {
    ...{ rootfs: daemon.rootfs, command: ['true'], limits: { oomKillDisable: true } },
  });
  assert.match(warnings.join(), /OOM killer is turned off without a memory limit/);
});

test('a weight counts, or is refused where no scheduler has weights', async () => {
  const { refused, code } = await attempt(daemon, ['true'], { limits: { blkioWeight: 300 } });
  const features = await daemon.client.must<{ features: Record<string, { available: boolean }> }>('GET', '/v1/info');
  if (features.features.ioWeight?.available === true) assert.equal(code, 0);
  else assert.deepEqual([refused?.code, refused?.field], ['unsupported', 'limits.blkioWeight']);
});

test('what contradicts itself, or is no device, is refused by name', async () => {
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ cpus: 1, cpuQuota: 1000 }, 'limits.cpuQuota'],
    [{ cpus: 1, cpuPeriod: 1000 }, 'limits.cpuPeriod'],
    [{ cpuQuota: 999 }, 'limits.cpuQuota'],
    [{ cpuPeriod: 999 }, 'limits.cpuPeriod'],
    [{ blkioWeight: 9 }, 'limits.blkioWeight'],
    [{ deviceReadBps: [{ path: '/dev/null', rate: 1 }] }, 'limits.deviceReadBps[0].path'],
    [{ deviceWriteIops: [{ path: '/dev/no-such', rate: 1 }] }, 'limits.deviceWriteIops[0].path'],
    [
      {
        deviceReadBps: [
          { path: '/dev/a', rate: 1 },
          { path: '/dev/a', rate: 2 },
        ],
      },
      'limits.deviceReadBps[1].path',
    ],
  ];
  for (const [limits, field] of cases) {
    const { refused } = await attempt(daemon, ['true'], { limits });
    assert.deepEqual([refused?.code, refused?.field], ['invalid_field', field], JSON.stringify(limits));
  }
});
