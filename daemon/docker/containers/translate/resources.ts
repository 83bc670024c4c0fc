/** Resources of a HostConfig, or of an update, as limits: what dockerd refuses is refused, what it discards is discarded with its warning. */
import type { Limits } from '../../../../shared/api/container.ts';
import { blockIoOf } from './block-io.ts';
import { type Asking, lacks } from './host.ts';
import { plain, refuse } from './refuse.ts';

const MEMORY_LEAST = 6 * 1024 * 1024;
const NANO = 1_000_000_000;
const CPU_LEAST = 0.01;
const CPU_SHARES = { least: 2, most: 262_144 } as const;

/** Undefined: none. Throws DockerError 400, in dockerd's words. */
export function limitsOf(asking: Asking): Limits | undefined {
  refuseUnknown(asking);
  const limits: Limits = {
    ...memoryOf(asking),
    ...oomOf(asking),
    ...cpuOf(asking),
    ...cpusetOf(asking),
    ...pidsOf(asking),
    ...blockIoOf(asking),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}

function refuseUnknown({ resources, warnings }: Asking): void {
  if (set(resources.CpuRealtimePeriod) || set(resources.CpuRealtimeRuntime)) {
    refuse('kernel does not support CPU real-time scheduler');
  }
  if (set(resources.KernelMemory))
    warnings.push('Kernel memory is not limited by itself any more. Limitation discarded.');
  if (set(resources.KernelMemoryTCP)) {
    warnings.push('Your kernel does not support kernel memory TCP limit. Limitation discarded.');
  }
  if (set(resources.CpuPercent) || set(resources.CpuCount)) {
    warnings.push('Windows does not run here: CpuPercent and CpuCount discarded.');
  }
  if (set(resources.IOMaximumIOps) || set(resources.IOMaximumBandwidth)) {
    warnings.push('Windows does not run here: IOMaximumIOps and IOMaximumBandwidth discarded.');
  }
}

function memoryOf({ resources, host, isUpdate, warnings }: Asking): Limits {
  const { Memory: memory = 0, MemorySwap: swap = 0, MemoryReservation: reservation = 0 } = resources;
  if (memory !== 0 && memory < MEMORY_LEAST) refuse('Minimum memory limit allowed is 6MB');
  if (memory === 0 && swap > 0 && !isUpdate) {
    refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (memory > 0 && swap > 0 && swap < memory) {
    refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (swap < -1) refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (reservation !== 0 && reservation < MEMORY_LEAST) refuse('Minimum memory reservation allowed is 6MB');
  if (memory > 0 && reservation > memory) {
    refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  return {
    ...(memory > 0 ? { memory } : {}),
    ...swapOf({ memory, swap }, { host, isUpdate, warnings }),
    ...(reservation > 0 ? { memoryReservation: reservation } : {}),
  };
}

/** As much swap as memory, where it is not said and the kernel counts it. */
function swapOf(
  { memory, swap }: { readonly memory: number; readonly swap: number },
  { host, isUpdate, warnings }: Pick<Asking, 'host' | 'isUpdate' | 'warnings'>,
): Limits {
  if (swap === 0 && (memory === 0 || isUpdate)) return {};
  if (swap === -1 && memory === 0) return { memorySwap: -1 };
  if (lacks(host(), 'swapLimit')) {
    if (swap > 0) {
      warnings.push(
        'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
      );
    }
    return {};
  }
  return { memorySwap: swap === 0 ? 2 * memory : swap };
}

function oomOf({ resources, host, warnings }: Asking): Limits {
  const { MemorySwappiness: swappiness = -1, OomKillDisable: disable = false } = resources;
  const limits: Limits = {};
  if (swappiness !== -1) {
    if (swappiness < 0 || swappiness > 100) {
      refuse(`Invalid value: ${String(swappiness)}, valid memory swappiness range is 0-100`);
    }
    if (lacks(host(), 'memorySwappiness')) {
      warnings.push(
        'Your kernel does not support memory swappiness capabilities, or the cgroup is not mounted. Memory swappiness discarded.',
      );
    } else limits.memorySwappiness = swappiness;
  }
  if (disable) {
    if (lacks(host(), 'oomKillDisable')) {
      warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
    } else {
      limits.oomKillDisable = true;
    }
  }
  return limits;
}

function cpuOf({ resources, host }: Asking): Limits {
  const { NanoCpus: nano = 0, CpuPeriod: period = 0, CpuQuota: quota = 0, CpuShares: shares = 0 } = resources;
  if (nano !== 0 && period !== 0) refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set.');
  if (nano !== 0 && quota !== 0) refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set.');
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (quota > 0 && quota < 1000) refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (shares < 0) refuse(`invalid CPU shares (${String(shares)}): value must be a positive integer`);
  return {
    ...(nano === 0 ? {} : { cpus: cpusOf(nano, host().cpus) }),
    ...(period === 0 ? {} : { cpuPeriod: period }),
    ...(quota === 0 ? {} : { cpuQuota: Math.max(quota, -1) }),
    ...(shares === 0 ? {} : { cpuShares: Math.min(Math.max(shares, CPU_SHARES.least), CPU_SHARES.most) }),
  };
}

function cpusOf(nano: number, available: number): number {
  const cpus = nano / NANO;
  if (cpus >= CPU_LEAST && cpus <= available) return cpus;
  const most = available.toFixed(2);
  return refuse(`Range of CPUs is from 0.01 to ${most}, as there are only ${String(available)} CPUs available`);
}

const CPUSET = /^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$/;

function cpusetOf({ resources, host }: Asking): Limits {
  const { CpusetCpus: cpus = '', CpusetMems: nodes = '' } = resources;
  if (cpus !== '' && !CPUSET.test(cpus)) refuse(`Invalid value ${plain(cpus)} for cpuset cpus`);
  if (nodes !== '' && !CPUSET.test(nodes)) refuse(`Invalid value ${plain(nodes)} for cpuset mems`);
  if (cpus !== '') {
    const last = Math.max(...cpus.split(/[,-]/).map(Number));
    const available = host().cpus;
    if (last >= available) {
      const there = available === 1 ? '0' : `0-${String(available - 1)}`;
      refuse(`Requested CPUs are not available - requested ${plain(cpus)}, available: ${there}`);
    }
  }
  return { ...(cpus === '' ? {} : { cpuset: cpus }), ...(nodes === '' ? {} : { cpusetMems: nodes }) };
}

/** The docker CLI sends 0 where its user said nothing: at create that is the default of the daemon. */
function pidsOf({ resources: { PidsLimit: limit }, isUpdate }: Asking): Limits {
  if (limit === undefined || (limit === 0 && !isUpdate)) return {};
  return { pids: limit <= 0 ? -1 : Math.min(limit, 4_194_304) };
}

function set(value: number | undefined): boolean {
  return value !== undefined && value !== 0;
}
