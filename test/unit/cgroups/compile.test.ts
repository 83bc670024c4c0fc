import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCgroup, compileJoin } from '../../../daemon/runtime/cgroups/compile.ts';
import type { CgroupHost } from '../../../daemon/runtime/cgroups/host.ts';
import { ioWeight } from '../../../daemon/runtime/cgroups/settings-io.ts';
import { weightOfShares } from '../../../daemon/runtime/cgroups/settings-cpu.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import type { Resources } from '../../../daemon/runtime/spec/types.ts';
import { HYBRID, knowing, NONE, V1, V2 } from './hosts.ts';

const PATH = '/tare-test/abc';

/** Every write as "directory/file=value", the devices left out. */
function writes(host: CgroupHost, resources: Resources): string[] {
  const { beforeClone, afterClone } = compileCgroup(host, PATH, resources);
  return [...beforeClone, ...afterClone].flatMap((operation) =>
    operation.op === 'cgroup_write' && !operation.host.includes('/devices.')
      ? [`${operation.host.replace('/sys/fs/cgroup/', '').replace(`${PATH.slice(1)}/`, '')}=${operation.value}`]
      : [],
  );
}

function refused(host: CgroupHost, resources: Resources, field: string, kind: SpecError['kind'] = 'unsupported'): void {
  assert.throws(
    () => compileCgroup(host, PATH, resources),
    (error) => error instanceof SpecError && error.field === `linux.resources.${field}` && error.kind === kind,
    `${field} must be refused as ${kind}`,
  );
}

void test('hosts are told apart', () => {
  assert.deepEqual([V1.mode, HYBRID.mode, V2.mode, NONE.mode], ['v1', 'hybrid', 'v2', 'none']);
  assert.equal(V1.v1.length, 10, 'a hierarchy mounted twice is one');
  assert.deepEqual(V1.v1[0], { mount: '/sys/fs/cgroup/systemd', controllers: [], name: 'systemd' });
  assert.deepEqual(V1.v1[1]?.controllers, ['cpu', 'cpuacct']);
  assert.equal(V1.v1[5]?.mount, '/sys/fs/cgroup/net things');
  assert.deepEqual(HYBRID.v2, { mount: '/sys/fs/cgroup/unified', controllers: ['hugetlb'] });
});

void test('v1 makes, fills and joins after clone, in every hierarchy', () => {
  const { beforeClone, afterClone, oomFile } = compileCgroup(V1, PATH);
  assert.deepEqual(beforeClone, []);
  const kinds = afterClone.map(({ op }) => op);
  assert.equal(kinds.filter((op) => op === 'cgroup_make').length, 10);
  assert.equal(kinds.filter((op) => op === 'cgroup_join').length, 10);
  assert.ok(kinds.lastIndexOf('cgroup_write') < kinds.indexOf('cgroup_join'), 'limits stand before anybody is in');
  assert.ok(kinds.lastIndexOf('cgroup_make') < kinds.indexOf('cgroup_write'));
  assert.equal(oomFile, '/sys/fs/cgroup/memory/tare-test/abc/memory.oom_control');
});

void test('hybrid: born in the group of the cgroup2 mount, joined to the others', () => {
  const { afterClone, beforeClone } = compileJoin(HYBRID, PATH);
  assert.deepEqual(beforeClone, [{ op: 'cgroup_into', host: '/sys/fs/cgroup/unified/tare-test/abc' }]);
  assert.deepEqual(
    afterClone.map((operation) => (operation.op === 'cgroup_join' ? operation.host : operation.op)),
    ['cpu', 'memory', 'devices'].map((name) => `/sys/fs/cgroup/${name}/tare-test/abc`),
  );
});

void test('v2 is all before clone, and the child is born in its group', () => {
  const { beforeClone, afterClone, oomFile } = compileCgroup(V2, PATH, { pids: { limit: 5 } });
  assert.deepEqual(afterClone, []);
  assert.deepEqual(
    beforeClone.map(({ op }) => op),
    ['cgroup_make', 'cgroup_write', 'cgroup_devices', 'cgroup_into'],
  );
  assert.equal(oomFile, '/sys/fs/cgroup/tare-test/abc/memory.events');
  assert.deepEqual(compileJoin(V2, PATH), {
    beforeClone: [{ op: 'cgroup_into', host: '/sys/fs/cgroup/tare-test/abc' }],
    afterClone: [],
  });
});

void test('a host without control groups takes a container that asks for nothing', () => {
  assert.deepEqual(compileCgroup(NONE, PATH), { beforeClone: [], afterClone: [], oomFile: '' });
  refused(NONE, { pids: { limit: 1 } }, 'pids.limit');
  refused(NONE, { devices: [] }, 'devices');
});

void test('a path that is not a group below the root is refused', () => {
  for (const path of ['', '/', 'a', '/a/../b', '/a//b', '/./a', '/a/', '/a\0']) {
    assert.throws(() => compileCgroup(V1, path), { name: 'SpecError', field: 'linux.cgroupsPath' }, path);
    assert.throws(() => compileJoin(V1, path), { name: 'SpecError' }, path);
  }
});

void test('memory', () => {
  const memory = { limit: 1 << 20, swap: 3 << 20, reservation: 1 << 19 };
  assert.deepEqual(writes(V1, { memory: { ...memory, swappiness: 7, disableOOMKiller: true, kernelTCP: 4096 } }), [
    'memory/memory.limit_in_bytes=1048576',
    'memory/memory.memsw.limit_in_bytes=3145728',
    'memory/memory.soft_limit_in_bytes=524288',
    'memory/memory.kmem.tcp.limit_in_bytes=4096',
    'memory/memory.swappiness=7',
    'memory/memory.oom_control=1',
  ]);
  assert.deepEqual(writes(V2, { memory }), ['memory.swap.max=2097152', 'memory.max=1048576', 'memory.low=524288']);
  assert.deepEqual(writes(V2, { memory: { limit: -1 } }), ['memory.swap.max=max', 'memory.max=max']);
  assert.deepEqual(writes(V2, { memory: { limit: 4096, swap: 4096 } }), ['memory.swap.max=0', 'memory.max=4096']);
  assert.deepEqual(writes(V2, { memory: { limit: 4096, swap: -1 } }), ['memory.swap.max=max', 'memory.max=4096']);
  assert.deepEqual(writes(V1, { memory: { limit: 0, swap: 0 } }), [], 'zero is "not set"');
  assert.deepEqual(writes(V1, { memory: { limit: 2n ** 62n + 1n } }), [
    'memory/memory.limit_in_bytes=4611686018427387905',
  ]);
  refused(V1, { memory: { limit: -2 } }, 'memory.limit', 'invalid');
  refused(V1, { memory: { limit: 2n ** 63n } }, 'memory.limit', 'invalid');
  refused(V1, { memory: { limit: 1.5 } }, 'memory.limit', 'invalid');
  refused(V1, { memory: { limit: 8192, swap: 4096 } }, 'memory.swap', 'invalid');
  refused(V1, { memory: { swap: 4096 } }, 'memory.swap', 'invalid');
  refused(V1, { memory: { kernel: 4096 } }, 'memory.kernel');
  refused(V1, { memory: { swappiness: 101 } }, 'memory.swappiness', 'invalid');
  refused(V2, { memory: { swappiness: 1 } }, 'memory.swappiness');
  refused(V2, { memory: { disableOOMKiller: true } }, 'memory.disableOOMKiller');
  refused(V2, { memory: { kernelTCP: 4096 } }, 'memory.kernelTCP');
  refused(knowing(V1, 'memory.limit_in_bytes'), { memory: { limit: 4096, swap: 8192 } }, 'memory.swap');
  assert.deepEqual(writes(knowing(V1, 'memory.limit_in_bytes'), { memory: { limit: 4096, swap: -1 } }), [
    'memory/memory.limit_in_bytes=4096',
  ]);
});

void test('cpu', () => {
  const cpu = { shares: 512, quota: 50_000, period: 200_000, burst: 1000, idle: 0, cpus: '0-1', mems: '0' };
  // An idle group takes no weight: out of it first, into it last.
  assert.deepEqual(writes(V1, { cpu }), [
    'cpu,cpuacct/cpu.idle=0',
    'cpu,cpuacct/cpu.shares=512',
    'cpu,cpuacct/cpu.cfs_period_us=200000',
    'cpu,cpuacct/cpu.cfs_quota_us=50000',
    'cpu,cpuacct/cpu.cfs_burst_us=1000',
    'cpuset/cpuset.cpus=0-1',
    'cpuset/cpuset.mems=0',
  ]);
  assert.deepEqual(writes(V2, { cpu }), [
    'cpu.idle=0',
    'cpu.weight=59',
    'cpu.max=50000 200000',
    'cpu.max.burst=1000',
    'cpuset.cpus=0-1',
    'cpuset.mems=0',
  ]);
  for (const host of [V1, V2])
    assert.match(writes(host, { cpu: { shares: 512, idle: 1 } }).at(-1) ?? '', /cpu\.idle=1$/);
  assert.deepEqual(writes(V1, { cpu: { realtimeRuntime: 900, realtimePeriod: 1000 } }), [
    'cpu,cpuacct/cpu.rt_period_us=1000',
    'cpu,cpuacct/cpu.rt_runtime_us=900',
  ]);
  assert.deepEqual(writes(V2, { cpu: { quota: -1 } }), ['cpu.max=max']);
  assert.deepEqual(writes(V2, { cpu: { quota: 1000 } }), ['cpu.max=1000']);
  assert.deepEqual(writes(V2, { cpu: { period: 1000 } }), ['cpu.max=max 1000']);
  refused(V2, { cpu: { realtimeRuntime: 1 } }, 'cpu.realtimeRuntime');
  refused(V2, { cpu: { idle: 2 } }, 'cpu.idle', 'invalid');
  refused(HYBRID, { cpu: { cpus: '0' } }, 'cpu.cpus');
  refused(V1, { cpu: { cpus: '0-' } }, 'cpu.cpus', 'invalid');
  refused(V1, { cpu: { shares: -1 } }, 'cpu.shares', 'invalid');
  // The kernel would take them for 2 and for 262144; the weights of v2 end there anyway.
  for (const shares of [1, 262_145, 2n ** 63n]) refused(V1, { cpu: { shares } }, 'cpu.shares', 'invalid');
  assert.deepEqual(writes(V2, { cpu: { shares: 1 } }), ['cpu.weight=1']);
  assert.deepEqual(writes(V2, { cpu: { shares: 2n ** 63n } }), ['cpu.weight=10000']);
  assert.deepEqual(writes(V1, { cpu: { shares: 0, quota: 0, period: 0 } }), [], 'zero is "not set"');
  refused(knowing(V1, 'cpu.shares'), { cpu: { burst: 1 } }, 'cpu.burst');
});

void test('shares and weights meet at their ends and their defaults', () => {
  assert.deepEqual([2n, 1024n, 262_144n].map(weightOfShares), [1, 100, 10_000]);
  let before = 0;
  for (let shares = 2n; shares < 300_000n; shares += 1013n) {
    const weight = weightOfShares(shares);
    assert.ok(weight >= before && weight >= 1 && weight <= 10_000);
    before = weight;
  }
  assert.deepEqual([10n, 1000n].map(ioWeight), [1n, 10_000n]);
});

void test('pids', () => {
  assert.deepEqual(writes(V1, { pids: { limit: 64 } }), ['pids/pids.max=64']);
  assert.deepEqual(writes(V2, { pids: { limit: -1 } }), ['pids.max=max']);
  assert.deepEqual(writes(V2, { pids: { limit: 0 } }), ['pids.max=max']);
  refused(HYBRID, { pids: { limit: 64 } }, 'pids.limit');
});

void test('block I/O', () => {
  const throttles = {
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
    throttleWriteIOPSDevice: [
      { major: 8, minor: 0, rate: 5 },
      { major: 8, minor: 16, rate: 0 },
    ],
  };
  assert.deepEqual(writes(V1, { blockIO: { weight: 500, ...throttles } }), [
    'blkio/blkio.bfq.weight=500',
    'blkio/blkio.throttle.read_bps_device=8:0 1000',
    'blkio/blkio.throttle.write_iops_device=8:0 5',
    'blkio/blkio.throttle.write_iops_device=8:16 0',
  ]);
  assert.deepEqual(
    writes(V2, { blockIO: { weight: 1000, weightDevice: [{ major: 8, minor: 0, weight: 10 }], ...throttles } }),
    ['io.weight=10000', 'io.weight=8:0 1', 'io.max=8:0 rbps=1000 wiops=5', 'io.max=8:16 wiops=max'],
  );
  assert.deepEqual(writes(knowing(V2, 'io.bfq.weight'), { blockIO: { weight: 500 } }), ['io.bfq.weight=500']);
  refused(V1, { blockIO: { leafWeight: 10 } }, 'blockIO.leafWeight');
  refused(V1, { blockIO: { weight: 5 } }, 'blockIO.weight', 'invalid');
  refused(knowing(V1, 'blkio.throttle.read_bps_device'), { blockIO: { weight: 50 } }, 'blockIO.weight');
  refused(HYBRID, { blockIO: { weight: 50 } }, 'blockIO');
  refused(V2, { blockIO: { weightDevice: [{ major: 8, minor: 0 }] } }, 'blockIO.weightDevice[0]', 'invalid');
  refused(
    V2,
    { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 5 }] } },
    'blockIO.weightDevice[0].leafWeight',
  );
});

void test('huge pages, network, rdma', () => {
  const hugepageLimits = [{ pageSize: '2MB', limit: 2n ** 63n }];
  assert.deepEqual(writes(V1, { hugepageLimits }), ['hugetlb/hugetlb.2MB.limit_in_bytes=9223372036854775808']);
  assert.deepEqual(writes(HYBRID, { hugepageLimits }), ['unified/hugetlb.2MB.max=9223372036854775808']);
  assert.deepEqual(writes(knowing(V2, 'hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max'), { hugepageLimits }).length, 2);
  refused(V2, { hugepageLimits: [{ pageSize: '2 MB', limit: 1 }] }, 'hugepageLimits[0].pageSize', 'invalid');
  refused(knowing(V2, 'hugetlb.2MB.max'), { hugepageLimits: [{ pageSize: '1GB', limit: 1 }] }, 'hugepageLimits[0]');
  assert.deepEqual(writes(V1, { network: { classID: 0x10001, priorities: [{ name: 'eth0', priority: 5 }] } }), [
    'net things/net_cls.classid=65537',
    'net things/net_prio.ifpriomap=eth0 5',
  ]);
  refused(V2, { network: { classID: 1 } }, 'network.classID');
  refused(V2, { network: { priorities: [{ name: 'eth0', priority: 5 }] } }, 'network.priorities[0]');
  assert.deepEqual(writes(V2, { rdma: { mlx4_0: { hcaHandles: 3, hcaObjects: 9 } } }), [
    'rdma.max=mlx4_0 hca_handle=3 hca_object=9',
  ]);
  refused(V1, { rdma: { mlx4_0: { hcaHandles: 3 } } }, 'rdma.mlx4_0');
  refused(V2, { rdma: { mlx4_0: {} } }, 'rdma.mlx4_0', 'invalid');
});

void test('unified', () => {
  assert.deepEqual(writes(V2, { unified: { 'memory.high': '4096', 'io.max': '8:0 rbps=1\n8:16 rbps=2\n' } }), [
    'memory.high=4096',
    'io.max=8:0 rbps=1',
    'io.max=8:16 rbps=2',
  ]);
  assert.deepEqual(writes(HYBRID, { unified: { 'cgroup.max.depth': '3' } }), ['unified/cgroup.max.depth=3']);
  refused(V1, { unified: { 'memory.high': '1' } }, 'unified.memory.high');
  refused(HYBRID, { unified: { 'memory.high': '1' } }, 'unified.memory.high');
  refused(V2, { unified: { 'cgroup.procs': '1' } }, 'unified.cgroup.procs');
  for (const name of ['../x', 'memory', 'memory.x/y', '', 'memory.\0']) {
    refused(V2, { unified: { [name]: '1' } }, `unified.${name}`, 'invalid');
  }
});
