/** linux.resources.cpu → cpu.* and cpuset.* of v1 and v2. */
import { SpecError } from '../spec/error.ts';
import type { Integer, Resources } from '../spec/types.ts';
import type { CgroupHost, ControllerPlace } from './host.ts';
import type { Setting } from './setting.ts';
import { exactInteger, requireController, RESOURCES, setting, unlessZero, unsupported } from './setting.ts';

type Cpu = NonNullable<Resources['cpu']>;

const FIELD = `${RESOURCES}.cpu`;
const UINT64 = (1n << 64n) - 1n;
/** What is beyond these the kernel takes for the nearest (MIN_SHARES and MAX_SHARES of kernel/sched), without a word. */
const LEAST_SHARES = 2n;
const MOST_SHARES = 262_144n;

/**
 * cpu.shares (2–262144, usually 1024) → cpu.weight (1–10000, usually 100): the curve through (2, 1), (1024, 100)
 * and (262144, 10000) that runc 1.3 and crun 1.23 use. The straight line of those before made 39 of the usual 1024, so
 * that a container came off worse than any process beside it.
 */
export function weightOfShares(shares: bigint): number {
  if (shares <= LEAST_SHARES) return 1;
  if (shares >= MOST_SHARES) return 10_000;
  const log = Math.log2(Number(shares));
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

interface Times {
  readonly shares: bigint | undefined;
  /** Microseconds; negative is unlimited. */
  readonly quota: bigint | undefined;
  readonly period: bigint | undefined;
  readonly burst: bigint | undefined;
  readonly idle: bigint | undefined;
  readonly realtimeRuntime: bigint | undefined;
  readonly realtimePeriod: bigint | undefined;
}

function resolveTimes(cpu: Cpu): Times {
  const read = (value: Integer | undefined, key: string, least: bigint, most?: bigint): bigint | undefined =>
    value === undefined ? undefined : exactInteger(value, `${FIELD}.${key}`, least, most);
  return {
    shares: unlessZero(read(cpu.shares, 'shares', 0n, UINT64)),
    quota: unlessZero(read(cpu.quota, 'quota', -1n)),
    period: unlessZero(read(cpu.period, 'period', 0n, UINT64)),
    burst: read(cpu.burst, 'burst', 0n, UINT64),
    idle: read(cpu.idle, 'idle', 0n, 1n),
    realtimeRuntime: unlessZero(read(cpu.realtimeRuntime, 'realtimeRuntime', -1n)),
    realtimePeriod: unlessZero(read(cpu.realtimePeriod, 'realtimePeriod', 0n, UINT64)),
  };
}

function settingsV1(place: ControllerPlace, times: Times): Setting[] {
  if (times.shares !== undefined) exactInteger(times.shares, `${FIELD}.shares`, LEAST_SHARES, MOST_SHARES);
  const settings: Setting[] = [];
  const add = (key: string, file: string, value: bigint | undefined): void => {
    if (value !== undefined) settings.push(setting(place, `${FIELD}.${key}`, file, value));
  };
  // An idle group takes no weight.
  if (times.idle === 0n) add('idle', 'cpu.idle', 0n);
  add('shares', 'cpu.shares', times.shares);
  // Each runtime is checked against the period in force.
  add('period', 'cpu.cfs_period_us', times.period);
  add('quota', 'cpu.cfs_quota_us', times.quota);
  add('burst', 'cpu.cfs_burst_us', times.burst);
  add('realtimePeriod', 'cpu.rt_period_us', times.realtimePeriod);
  add('realtimeRuntime', 'cpu.rt_runtime_us', times.realtimeRuntime);
  if (times.idle === 1n) add('idle', 'cpu.idle', 1n);
  return settings;
}

/** "quota period" of cpu.max; a quota alone leaves the period as it is. `quotaText`: the quota in force. */
function maxText(times: Times, quotaText: string): string | undefined {
  const { quota, period } = times;
  if (quota === undefined && period === undefined) return undefined;
  const first = quota === undefined ? quotaText : quota < 0n ? 'max' : String(quota);
  return period === undefined ? first : `${first} ${String(period)}`;
}

function settingsV2(place: ControllerPlace, times: Times, quotaText: string): Setting[] {
  for (const key of ['realtimeRuntime', 'realtimePeriod'] as const) {
    if (times[key] !== undefined) throw unsupported(`${FIELD}.${key}`, 'control groups v2 have no real-time limits');
  }
  const settings: Setting[] = [];
  const { shares, burst, idle } = times;
  // An idle group takes no weight.
  if (idle === 0n) settings.push(setting(place, `${FIELD}.idle`, 'cpu.idle', idle));
  if (shares !== undefined) {
    settings.push(setting(place, `${FIELD}.shares`, 'cpu.weight', String(weightOfShares(shares))));
  }
  const max = maxText(times, quotaText);
  const source = times.quota === undefined ? 'period' : 'quota';
  if (max !== undefined) settings.push(setting(place, `${FIELD}.${source}`, 'cpu.max', max));
  if (burst !== undefined) settings.push(setting(place, `${FIELD}.burst`, 'cpu.max.burst', burst));
  if (idle === 1n) settings.push(setting(place, `${FIELD}.idle`, 'cpu.idle', idle));
  return settings;
}

/** Numbers and ranges, cpuset(7) "List format". */
const LIST = /^[0-9]+(-[0-9]+(:[0-9]+\/[0-9]+)?)?(,[0-9]+(-[0-9]+(:[0-9]+\/[0-9]+)?)?)*$/;

function cpusetSettings(host: CgroupHost, cpu: Cpu): Setting[] {
  const settings: Setting[] = [];
  for (const key of ['cpus', 'mems'] as const) {
    const list = cpu[key];
    if (list === undefined || list === '') continue;
    const field = `${FIELD}.${key}`;
    if (!LIST.test(list)) throw new SpecError(field, `${JSON.stringify(list)} is not a list such as 0-2,4`);
    settings.push(setting(requireController(host, field, 'cpuset'), field, `cpuset.${key}`, list));
  }
  return settings;
}

/**
 * `quotaText`: what cpu.max of v2 says first today ("max" for a new group), for a period alone.
 * Zero shares, quota, period and real-time values are "not set". Throws SpecError.
 */
export function cpuSettings(host: CgroupHost, cpu: Cpu, quotaText = 'max'): Setting[] {
  const times = resolveTimes(cpu);
  const sets = cpusetSettings(host, cpu);
  if (Object.values(times).every((value) => value === undefined)) return sets;
  const place = requireController(host, FIELD, 'cpu');
  return [...(place.version === 1 ? settingsV1(place, times) : settingsV2(place, times, quotaText)), ...sets];
}
