/** What a group uses. A value that this host does not count is undefined, never 0. */
import { join } from 'node:path';
import { readNumber, readTable, readText } from './files.ts';
import type { CgroupHost, ControllerPlace } from './host.ts';
import { controllerPlace, groupDirectory } from './host.ts';

/** Bytes. `limit` undefined: none. `inactiveFile`: cache that could go at once; docker stats subtracts it. */
export interface MemoryStats {
  readonly current: number | undefined;
  readonly peak: number | undefined;
  readonly limit: number | undefined;
  /** Swap alone. */
  readonly swap: number | undefined;
  readonly inactiveFile: number | undefined;
  /** memory.stat, by its own names, which v1 and v2 have different ones of. */
  readonly details: ReadonlyMap<string, number> | undefined;
}

export interface CpuStats {
  readonly usageNanoseconds: number | undefined;
  readonly userNanoseconds: number | undefined;
  readonly kernelNanoseconds: number | undefined;
  /** v1 only: of each CPU. */
  readonly perCpuNanoseconds: readonly number[] | undefined;
  readonly periods: number | undefined;
  readonly throttledPeriods: number | undefined;
  readonly throttledNanoseconds: number | undefined;
}

export interface DeviceStats {
  readonly major: number;
  readonly minor: number;
  readonly readBytes: number;
  readonly writeBytes: number;
}

export interface CgroupStats {
  readonly memory: MemoryStats;
  readonly cpu: CpuStats;
  /** `limit` undefined: none. */
  readonly pids: { readonly current: number | undefined; readonly limit: number | undefined };
  /** Bytes to and from block devices; undefined: nobody counts. */
  readonly io: { readonly devices: readonly DeviceStats[] } | undefined;
  readonly oomKills: number | undefined;
}

type Place = ControllerPlace | undefined;

function fileOf(place: ControllerPlace, path: string, file: string): string {
  return join(groupDirectory(place.hierarchy, path), file);
}

/** "max" of v2, and v1's largest number of whole pages, are no limit. */
function finite(value: number | undefined): number | undefined {
  return value === undefined || value > Number.MAX_SAFE_INTEGER ? undefined : value;
}

function difference(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? undefined : Math.max(0, whole - part);
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function memoryStats(place: Place, path: string): MemoryStats {
  if (place === undefined) {
    return {
      current: undefined,
      peak: undefined,
      limit: undefined,
      swap: undefined,
      inactiveFile: undefined,
      details: undefined,
    };
  }
  const number = (file: string): number | undefined => readNumber(fileOf(place, path, file));
  const table = readTable(fileOf(place, path, 'memory.stat'));
  if (place.version === 1) {
    const current = number('memory.usage_in_bytes');
    return {
      current,
      peak: number('memory.max_usage_in_bytes'),
      limit: finite(number('memory.limit_in_bytes')),
      swap: difference(number('memory.memsw.usage_in_bytes'), current),
      inactiveFile: table?.get('total_inactive_file'),
      details: table,
    };
  }
  return {
    current: number('memory.current'),
    peak: number('memory.peak'),
    limit: finite(number('memory.max')),
    swap: number('memory.swap.current'),
    inactiveFile: table?.get('inactive_file'),
    details: table,
  };
}

function cpuStats(host: CgroupHost, path: string): CpuStats {
  const cpu = controllerPlace(host, 'cpu');
  const table = cpu === undefined ? undefined : readTable(fileOf(cpu, path, 'cpu.stat'));
  const periods = table?.get('nr_periods');
  const throttledPeriods = table?.get('nr_throttled');
  if (cpu?.version === 1) {
    return { ...accounting(host, path), periods, throttledPeriods, throttledNanoseconds: table?.get('throttled_time') };
  }
  return {
    usageNanoseconds: scaled(table?.get('usage_usec'), 1000),
    userNanoseconds: scaled(table?.get('user_usec'), 1000),
    kernelNanoseconds: scaled(table?.get('system_usec'), 1000),
    perCpuNanoseconds: undefined,
    periods,
    throttledPeriods,
    throttledNanoseconds: scaled(table?.get('throttled_usec'), 1000),
  };
}

/** What cpuacct of v1 counts. */
function accounting(
  host: CgroupHost,
  path: string,
): Pick<CpuStats, 'usageNanoseconds' | 'userNanoseconds' | 'kernelNanoseconds' | 'perCpuNanoseconds'> {
  const place = controllerPlace(host, 'cpuacct');
  const number = (file: string): number | undefined =>
    place === undefined ? undefined : readNumber(fileOf(place, path, file));
  const each = place === undefined ? undefined : readText(fileOf(place, path, 'cpuacct.usage_percpu'));
  return {
    usageNanoseconds: number('cpuacct.usage'),
    userNanoseconds: number('cpuacct.usage_user'),
    kernelNanoseconds: number('cpuacct.usage_sys'),
    perCpuNanoseconds: each?.trim().split(' ').map(Number),
  };
}

function ioStats(host: CgroupHost, path: string): CgroupStats['io'] {
  const v1 = host.v1.some((hierarchy) => hierarchy.controllers.includes('blkio'));
  const place = controllerPlace(host, v1 ? 'blkio' : 'io');
  const file = v1 ? 'blkio.throttle.io_service_bytes_recursive' : 'io.stat';
  const text = place === undefined ? undefined : readText(fileOf(place, path, file));
  return text === undefined ? undefined : { devices: v1 ? devicesOfV1(text) : devicesOfV2(text) };
}

/** Lines such as "8:0 Read 4096"; the sum of a device stands there as "Total". */
function devicesOfV1(text: string): DeviceStats[] {
  const devices = new Map<string, DeviceStats>();
  for (const [, major = '', minor = '', operation, bytes] of text.matchAll(/^(\d+):(\d+) (Read|Write) (\d+)$/gm)) {
    const key = `${major}:${minor}`;
    const known = devices.get(key) ?? { major: Number(major), minor: Number(minor), readBytes: 0, writeBytes: 0 };
    devices.set(key, { ...known, [operation === 'Read' ? 'readBytes' : 'writeBytes']: Number(bytes) });
  }
  return [...devices.values()];
}

/** Lines such as "8:0 rbytes=4096 wbytes=0 rios=1 …". */
function devicesOfV2(text: string): DeviceStats[] {
  return [...text.matchAll(/^(\d+):(\d+) (.*)$/gm)].map(([, major, minor, rest = '']) => ({
    major: Number(major),
    minor: Number(minor),
    readBytes: Number(/\brbytes=(\d+)/.exec(rest)?.[1] ?? 0),
    writeBytes: Number(/\bwbytes=(\d+)/.exec(rest)?.[1] ?? 0),
  }));
}

/** Processes that the OOM killer ended in the group `path`, or below it; undefined where nobody counts, or the group is gone. */
export function oomKills(host: CgroupHost, path: string): number | undefined {
  const place = controllerPlace(host, 'memory');
  if (place === undefined) return undefined;
  return readTable(fileOf(place, path, place.version === 1 ? 'memory.oom_control' : 'memory.events'))?.get('oom_kill');
}

/** What the group `path` uses now. All values are undefined for a group that is not there. */
export function stats(host: CgroupHost, path: string): CgroupStats {
  const pids = controllerPlace(host, 'pids');
  const number = (file: string): number | undefined =>
    pids === undefined ? undefined : readNumber(fileOf(pids, path, file));
  return {
    memory: memoryStats(controllerPlace(host, 'memory'), path),
    cpu: cpuStats(host, path),
    pids: { current: number('pids.current'), limit: finite(number('pids.max')) },
    io: ioStats(host, path),
    oomKills: oomKills(host, path),
  };
}
