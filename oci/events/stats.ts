/**
 * What a container uses, in the shape of runc's `events --stats` (types/events.go there), which others read: bytes,
 * nanoseconds, counts. What this host does not count is left out.
 */
import { readdirSync } from 'node:fs';
import { isGone } from '../../daemon/runtime/cgroups/files.ts';
import type { CgroupHost } from '../../daemon/runtime/cgroups/host.ts';
import { groupOf, integer, readInteger, readIntegers, readLines, type Group } from './files.ts';
import { networkInterfaces } from './network.ts';
import { pressure } from './pressure.ts';

/** `pid`: of a process in the container's network namespace; undefined where none is left. */
export function statsOf(host: CgroupHost, path: string, pid: number | undefined) {
  const v2 = host.v2 === undefined ? undefined : groupOf({ ...host, v1: [] }, 'hugetlb', path);
  const hugetlb = groupOf(host, 'hugetlb', path) ?? v2;
  return {
    cpu: cpuStats(groupOf(host, 'cpu', path), groupOf(host, 'cpuacct', path)),
    cpuset: cpusetStats(groupOf(host, 'cpuset', path)),
    memory: memoryStats(groupOf(host, 'memory', path)),
    pids: pidsStats(groupOf(host, 'pids', path)),
    blkio: blkioStats(groupOf(host, 'blkio', path) ?? groupOf(host, 'io', path)),
    hugetlb: hugetlbStats(hugetlb),
    intel_rdt: {},
    network_interfaces: pid === undefined ? [] : networkInterfaces(pid),
  };
}

export type Stats = ReturnType<typeof statsOf>;

/** v1 counts nanoseconds, v2 microseconds. */
const NS_PER_US = 1000n;

function cpuStats(cpu: Group | undefined, accounting: Group | undefined) {
  const table = readIntegers(cpu, 'cpu.stat') ?? {};
  const scale = cpu?.version === 2 ? NS_PER_US : 1n;
  const nanoseconds = (key: string): bigint | undefined => (table[key] === undefined ? undefined : table[key] * scale);
  const usage =
    cpu?.version === 2
      ? { total: nanoseconds('usage_usec'), kernel: nanoseconds('system_usec'), user: nanoseconds('user_usec') }
      : {
          total: readInteger(accounting, 'cpuacct.usage'),
          percpu: perCpu(accounting, 'cpuacct.usage_percpu'),
          percpu_kernel: perCpu(accounting, 'cpuacct.usage_percpu_sys'),
          percpu_user: perCpu(accounting, 'cpuacct.usage_percpu_user'),
          kernel: readInteger(accounting, 'cpuacct.usage_sys'),
          user: readInteger(accounting, 'cpuacct.usage_user'),
        };
  const throttling = {
    periods: table.nr_periods,
    throttledPeriods: table.nr_throttled,
    throttledTime: nanoseconds(cpu?.version === 2 ? 'throttled_usec' : 'throttled_time'),
  };
  return { usage, throttling, psi: pressure(cpu, 'cpu') };
}

function perCpu(group: Group | undefined, file: string): bigint[] | undefined {
  const line = readLines(group, file)[0];
  return line
    ?.trim()
    .split(/\s+/)
    .map((word) => integer(word) ?? 0n);
}

/** "0-2,4" → [0, 1, 2, 4], cpuset(7) "List format". */
export function listOf(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  return text.split(',').flatMap((range) => {
    const [first = '', last = first] = range.split('-');
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}

/** v1's switches by the name that runc gives them. */
const CPUSET_SWITCHES = {
  cpu_exclusive: 'cpuset.cpu_exclusive',
  mem_hardwall: 'cpuset.mem_hardwall',
  mem_exclusive: 'cpuset.mem_exclusive',
  memory_migrate: 'cpuset.memory_migrate',
  memory_spread_page: 'cpuset.memory_spread_page',
  memory_spread_slab: 'cpuset.memory_spread_slab',
  memory_pressure: 'cpuset.memory_pressure',
  sched_load_balance: 'cpuset.sched_load_balance',
  sched_relax_domain_level: 'cpuset.sched_relax_domain_level',
} as const;

function cpusetStats(group: Group | undefined) {
  const suffix = group?.version === 2 ? '.effective' : '';
  const switches = Object.entries(CPUSET_SWITCHES).map(([name, file]) => [name, readInteger(group, file)]);
  return {
    cpus: listOf(readLines(group, `cpuset.cpus${suffix}`)[0]),
    mems: listOf(readLines(group, `cpuset.mems${suffix}`)[0]),
    ...(group?.version === 1 ? (Object.fromEntries(switches) as Record<string, bigint | undefined>) : {}),
  };
}

/** `prefix`: "memory", "memory.memsw", "memory.kmem", "memory.kmem.tcp". */
function memoryEntryV1(group: Group, prefix: string) {
  const number = (file: string): bigint | undefined => readInteger(group, `${prefix}.${file}`);
  const usage = number('usage_in_bytes');
  if (usage === undefined) return undefined;
  return { limit: number('limit_in_bytes'), usage, max: number('max_usage_in_bytes'), failcnt: number('failcnt') };
}

/** v1 counts memory and swap together; v2's swap is added up the same way, as runc does. */
function memoryStats(group: Group | undefined) {
  if (group === undefined) return {};
  const raw = readIntegers(group, 'memory.stat');
  if (group.version === 1) {
    return {
      cache: raw?.cache,
      usage: memoryEntryV1(group, 'memory'),
      swap: memoryEntryV1(group, 'memory.memsw'),
      kernel: memoryEntryV1(group, 'memory.kmem'),
      kernelTCP: memoryEntryV1(group, 'memory.kmem.tcp'),
      raw,
    };
  }
  const usage = readInteger(group, 'memory.current');
  const limit = readInteger(group, 'memory.max');
  const failcnt = readIntegers(group, 'memory.events')?.max;
  return {
    cache: raw?.file,
    usage: { limit, usage, max: readInteger(group, 'memory.peak'), failcnt },
    swap: {
      limit: sum(limit, readInteger(group, 'memory.swap.max')),
      usage: sum(usage, readInteger(group, 'memory.swap.current')),
      failcnt: readIntegers(group, 'memory.swap.events')?.max,
    },
    raw,
    psi: pressure(group, 'memory'),
  };
}

function sum(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function pidsStats(group: Group | undefined) {
  return { current: readInteger(group, 'pids.current'), limit: readInteger(group, 'pids.max') };
}

interface BlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: bigint;
}

function blkioStats(group: Group | undefined) {
  if (group?.version === 1) {
    return {
      ioServiceBytesRecursive: blkioEntriesV1(readLines(group, 'blkio.throttle.io_service_bytes_recursive')),
      ioServicedRecursive: blkioEntriesV1(readLines(group, 'blkio.throttle.io_serviced_recursive')),
    };
  }
  const lines = readLines(group, 'io.stat');
  return {
    ioServiceBytesRecursive: blkioEntriesV2(lines, { rbytes: 'Read', wbytes: 'Write', dbytes: 'Discard' }),
    ioServicedRecursive: blkioEntriesV2(lines, { rios: 'Read', wios: 'Write', dios: 'Discard' }),
    psi: pressure(group, 'io'),
  };
}

/** "8:0 Read 4096"; the line "Total 4096" is of no device. */
export function blkioEntriesV1(lines: readonly string[]): BlkioEntry[] {
  return lines.flatMap((line) => {
    const [, major, minor, op, value] = /^([0-9]+):([0-9]+) (\w+) ([0-9]+)$/.exec(line) ?? [];
    if (op === undefined || value === undefined) return [];
    return [{ major: Number(major), minor: Number(minor), op, value: BigInt(value) }];
  });
}

/** "8:0 rbytes=4096 wbytes=0 rios=1 …" */
export function blkioEntriesV2(lines: readonly string[], ops: Readonly<Record<string, string>>): BlkioEntry[] {
  return lines.flatMap((line) => {
    const [, major, minor, rest = ''] = /^([0-9]+):([0-9]+)(.*)$/.exec(line) ?? [];
    return [...rest.matchAll(/ (\w+)=([0-9]+)/g)].flatMap(([, key = '', value = '']) => {
      const op = ops[key];
      return op === undefined ? [] : [{ major: Number(major), minor: Number(minor), op, value: BigInt(value) }];
    });
  });
}

/** By page size, such as "2MB". */
function hugetlbStats(group: Group | undefined) {
  const sizes = group === undefined ? [] : pageSizes(group.directory);
  return Object.fromEntries(
    sizes.map((size) => [
      size,
      group?.version === 1
        ? {
            usage: readInteger(group, `hugetlb.${size}.usage_in_bytes`),
            max: readInteger(group, `hugetlb.${size}.max_usage_in_bytes`),
            failcnt: readInteger(group, `hugetlb.${size}.failcnt`),
          }
        : {
            usage: readInteger(group, `hugetlb.${size}.current`),
            failcnt: readIntegers(group, `hugetlb.${size}.events`)?.max,
          },
    ]),
  );
}

function pageSizes(directory: string): string[] {
  try {
    const sizes = readdirSync(directory).map((name) => /^hugetlb\.([0-9]+[KMG]B)\./.exec(name)?.[1]);
    return [...new Set(sizes.filter((size) => size !== undefined))].sort();
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
