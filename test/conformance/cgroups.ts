/** Programs on control groups of v1: where the group is, and what its files say while the container waits for its start. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { newId, removeGroups } from '../harness/oci.ts';
import type { Spec } from './config.ts';
import type { Context, Programs } from './program.ts';

const TOP = '/sys/fs/cgroup';
const ABSOLUTE = `/tare-conformance-${process.pid}`;
const RELATIVE = `tare-conformance/${process.pid}/container`;

/** Whether a hierarchy of v1 has the controller. */
const isV1 = (controller: string): boolean =>
  readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .some((line) => line.split(':')[1]?.split(',').includes(controller));

/** A controller's group for a process, by proc(5)'s /proc/PID/cgroup; that of v2 where v1 has none. */
function groupOf(pid: number, controller: string): string | undefined {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const name = isV1(controller) ? controller : '';
  return lines.map((line) => line.split(':')).find(([, names]) => names?.split(',').includes(name))?.[2];
}

/** Where a hierarchy is mounted: on a host that has both, v2 is at `unified`. */
function folderOf(controller: string): string {
  return isV1(controller) ? join(TOP, controller) : existsSync(join(TOP, 'unified')) ? join(TOP, 'unified') : TOP;
}

interface Asked {
  readonly resources: Record<string, unknown>;
  /** `controller/file` and what it is to contain, trimmed; a function where more than one text will do. */
  readonly files: Record<string, string | ((text: string) => boolean)>;
}

/** Creates a container with these resources and compares the files of its group. */
async function compareGroup(context: Context, path: string, asked: Asked): Promise<void> {
  const { runtime, findings } = context;
  const spec: Spec = context.spec(['true']);
  spec.linux.cgroupsPath = path;
  Object.assign(spec.linux.resources, asked.resources);
  const bundle = runtime.bundle(spec, spec.root.path);
  const id = newId();
  try {
    const created = await runtime.create(id, bundle);
    const pid = (await runtime.state(id))?.pid;
    findings.check(created.code === 0 && pid !== undefined, 'the container is created', created.stderr);
    if (created.code === 0 && pid !== undefined) compareFiles(context, path, pid, asked.files);
  } finally {
    if ((await runtime.state(id)) !== undefined) await runtime.delete(id, true);
    bundle.remove();
    // crun and runc leave the groups on the way to theirs, and all of them where a start fails.
    for (let group = path; group !== '.' && group !== '/'; group = dirname(group)) removeGroups(group);
  }
}

function compareFiles(context: Context, path: string, pid: number, files: Asked['files']): void {
  for (const [name, value] of Object.entries(files)) {
    const [controller = '', file = ''] = name.split('/');
    const group = groupOf(pid, controller) ?? '';
    const placed = path.startsWith('/') ? group === path : group.includes(path);
    context.findings.check(placed, `the group of ${controller} is at ${path}`, group);
    const full = join(folderOf(controller), group, file);
    const text = existsSync(full) ? readFileSync(full, 'utf8').trim() : 'absent';
    const holds = typeof value === 'string' ? text === value : value(text);
    context.findings.check(holds, `${name} is ${typeof value === 'string' ? value : 'as asked'}`, text);
  }
}

/** The same at an absolute path and at a relative one. */
const program =
  (path: string, ...cases: Asked[]) =>
  async (context: Context) => {
    for (const asked of cases) await compareGroup(context, path, asked);
  };

function cpuCase(shares: number, period: number, quota: number, range: string): Asked {
  return {
    resources: { cpu: { shares, period, quota, cpus: range, mems: '0' } },
    files: {
      'cpu/cpu.shares': String(shares),
      'cpu/cpu.cfs_period_us': String(period),
      'cpu/cpu.cfs_quota_us': String(quota),
      'cpuset/cpuset.cpus': range,
      'cpuset/cpuset.mems': '0',
    },
  };
}

const ALL_CPUS = `0-${cpus().length - 1}`;
const CPUS = [
  cpuCase(1024, 100_000, 50_000, '0'),
  cpuCase(2048, 500_000, 50_000, ALL_CPUS),
  cpuCase(1024, 100_000, 200_000, ALL_CPUS),
  cpuCase(2048, 500_000, 200_000, '0'),
];
const NO_CPU: Asked = {
  resources: { cpu: {} },
  files: { 'cpu/cpu.shares': '1024', 'cpu/cpu.cfs_quota_us': '-1', 'cpuset/cpuset.cpus': ALL_CPUS },
};

/** `kernel` and `kernelTCP` where the host's kernel still has them; what is read back is in whole pages. */
function memoryCase(limit: number, swappiness: number, more: { kernel?: boolean; kernelTCP?: boolean } = {}): Asked {
  const text = String(limit);
  return {
    resources: {
      memory: {
        limit,
        reservation: limit,
        swap: limit,
        ...(more.kernel ? { kernel: limit } : {}),
        ...(more.kernelTCP ? { kernelTCP: limit } : {}),
        swappiness,
        disableOOMKiller: true,
      },
    },
    files: {
      'memory/memory.limit_in_bytes': text,
      'memory/memory.soft_limit_in_bytes': text,
      'memory/memory.memsw.limit_in_bytes': text,
      ...(more.kernel ? { 'memory/memory.kmem.limit_in_bytes': text } : {}),
      ...(more.kernelTCP ? { 'memory/memory.kmem.tcp.limit_in_bytes': text } : {}),
      'memory/memory.swappiness': String(swappiness),
      'memory/memory.oom_control': (seen) => seen.startsWith('oom_kill_disable 1'),
    },
  };
}
const MEMORY = memoryCase(50_593_792, 10, { kernelTCP: true });
const KERNEL_MEMORY = memoryCase(50_593_792, 50, { kernel: true, kernelTCP: true });

/** Rules are applied in the order listed, after the one that denies all. */
const DEVICES: Asked = {
  resources: {
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
      { allow: true, type: 'b', major: 8, minor: 20, access: 'rw' },
      { allow: true, type: 'b', major: 10, minor: 200, access: 'r' },
    ],
  },
  files: { 'devices/devices.list': (text) => /^c 10:229 rwm\nb 8:20 rw\nb 10:200 r(\n|$)/.test(text) },
};

const PIDS: Asked = { resources: { pids: { limit: 1000 } }, files: { 'pids/pids.max': '1000' } };

const RATE = { major: 8, minor: 0, rate: 102_400 };
const THROTTLES = {
  throttleReadBpsDevice: 'read_bps',
  throttleWriteBpsDevice: 'write_bps',
  throttleReadIOPSDevice: 'read_iops',
  throttleWriteIOPSDevice: 'write_iops',
};
const BLKIO: Asked = {
  resources: {
    blockIO: {
      weight: 500,
      leafWeight: 300,
      weightDevice: [{ major: 8, minor: 0, weight: 500, leafWeight: 300 }],
      ...Object.fromEntries(Object.keys(THROTTLES).map((name) => [name, [RATE]])),
    },
  },
  files: {
    'blkio/blkio.weight': '500',
    'blkio/blkio.leaf_weight': '300',
    ...Object.fromEntries(
      Object.values(THROTTLES).map((name) => [`blkio/blkio.throttle.${name}_device`, '8:0 102400']),
    ),
  },
};

const NETWORK: Asked = {
  resources: { network: { classID: 255, priorities: [{ name: 'lo', priority: 10 }] } },
  files: { 'net_cls/net_cls.classid': '255', 'net_prio/net_prio.ifpriomap': (text) => /^lo 10$/m.test(text) },
};

/** "2MB" for hugepages-2048kB, as config-linux.md writes sizes. */
function pageSizes(): string[] {
  const folders = existsSync('/sys/kernel/mm/hugepages') ? readdirSync('/sys/kernel/mm/hugepages') : [];
  return folders.map((name) => {
    const kilobytes = Number(/(\d+)kB$/.exec(name)?.[1]);
    return kilobytes % 1024 ** 2 === 0 ? `${kilobytes / 1024 ** 2}GB` : `${kilobytes / 1024}MB`;
  });
}

/** Where no hierarchy of v1 has the controller, that of v2 may. */
const hugetlbFile = (pageSize: string): string =>
  isV1('hugetlb') ? `hugetlb.${pageSize}.limit_in_bytes` : `hugetlb.${pageSize}.max`;

const hugePages = (path: string) => async (context: Context) => {
  for (const pageSize of pageSizes()) {
    await compareGroup(context, path, {
      resources: { hugepageLimits: [{ pageSize, limit: 2 ** 31 }] },
      files: { [`hugetlb/${hugetlbFile(pageSize)}`]: String(2 ** 31) },
    });
  }
};

async function noPageSize(context: Context): Promise<void> {
  const spec = context.spec(['true']);
  spec.linux.resources.hugepageLimits = [{ pageSize: '3MB', limit: 3 * 1024 ** 2 }];
  const bundle = context.runtime.bundle(spec, spec.root.path);
  const id = newId();
  const { code } = await context.runtime.create(id, bundle);
  context.findings.check(code !== 0, 'a page size that is no power of two is an error');
  if (code === 0) await context.runtime.delete(id, true);
  bundle.remove();
}

export const CGROUPS: Programs = {
  linux_cgroups_cpus: program(ABSOLUTE, ...CPUS, NO_CPU),
  linux_cgroups_memory: program(ABSOLUTE, MEMORY),
  linux_cgroups_memory_kernel: program(ABSOLUTE, KERNEL_MEMORY),
  linux_cgroups_devices: program(ABSOLUTE, DEVICES),
  linux_cgroups_pids: program(ABSOLUTE, PIDS),
  linux_cgroups_blkio: program(ABSOLUTE, BLKIO),
  linux_cgroups_network: program(ABSOLUTE, NETWORK),
  linux_cgroups_hugetlb: hugePages(ABSOLUTE),
  linux_cgroups_hugetlb_wrong: noPageSize,
  linux_cgroups_relative_cpus: program(RELATIVE, CPUS[0]!),
  linux_cgroups_relative_memory: program(RELATIVE, MEMORY),
  linux_cgroups_relative_devices: program(RELATIVE, DEVICES),
  linux_cgroups_relative_pids: program(RELATIVE, PIDS),
  linux_cgroups_relative_blkio: program(RELATIVE, BLKIO),
  linux_cgroups_relative_network: program(RELATIVE, NETWORK),
  linux_cgroups_relative_hugetlb: hugePages(RELATIVE),
};
