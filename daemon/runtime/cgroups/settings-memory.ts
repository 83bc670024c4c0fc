/** linux.resources.memory → memory.* of v1 and v2 (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst). */
import { SpecError } from '../spec/error.ts';
import type { Integer, Resources } from '../spec/types.ts';
import type { CgroupHost, ControllerPlace } from './host.ts';
import type { Setting } from './setting.ts';
import { exactInteger, limitText, requireController, RESOURCES, setting, unlessZero, unsupported } from './setting.ts';

type Memory = NonNullable<Resources['memory']>;

const FIELD = `${RESOURCES}.memory`;

interface Limits {
  /** Bytes; -1 unlimited; undefined as it is. */
  readonly limit: bigint | undefined;
  readonly reservation: bigint | undefined;
  /** Memory and swap together. */
  readonly swap: bigint | undefined;
}

function bytes(value: Integer | undefined, field: string): bigint | undefined {
  return value === undefined ? undefined : unlessZero(exactInteger(value, field, -1n));
}

/** `current`: the limit in force, for an update that names only the swap. */
function resolveLimits(memory: Memory, current: bigint | undefined): Limits {
  const limit = bytes(memory.limit, `${FIELD}.limit`);
  const reservation = bytes(memory.reservation, `${FIELD}.reservation`);
  let swap = bytes(memory.swap, `${FIELD}.swap`);
  // Memory without an end and swap with one would be refused by v1 and be senseless in v2.
  if (limit === -1n && swap === undefined && memory.swap === undefined) swap = -1n;
  if (swap !== undefined && swap !== -1n) {
    const ceiling = limit ?? current;
    if (ceiling === undefined || ceiling === -1n) throw new SpecError(`${FIELD}.swap`, 'needs a memory limit');
    if (swap < ceiling) {
      const size = `memory and swap together (${String(swap)}) must be at least the memory limit`;
      throw new SpecError(`${FIELD}.swap`, `${size} (${String(ceiling)})`);
    }
  }
  return { limit, reservation, swap };
}

/** What is not a size, or is no longer a matter of choice since Linux 5.12. */
function refuseGone(memory: Memory): void {
  if (memory.kernel !== undefined && exactInteger(memory.kernel, `${FIELD}.kernel`, -1n) > 0n) {
    throw unsupported(`${FIELD}.kernel`, 'the kernel no longer limits kernel memory by itself');
  }
  if (memory.useHierarchy === false) {
    throw unsupported(`${FIELD}.useHierarchy`, 'the kernel always counts memory hierarchically');
  }
}

function swappiness(memory: Memory): bigint | undefined {
  return memory.swappiness === undefined ? undefined : exactInteger(memory.swappiness, `${FIELD}.swappiness`, 0n, 100n);
}

function settingsV1(place: ControllerPlace, memory: Memory, limits: Limits): Setting[] {
  const settings: Setting[] = [];
  const add = (key: string, file: string, value: bigint | undefined): void => {
    if (value !== undefined) settings.push(setting(place, `${FIELD}.${key}`, file, value));
  };
  // The limit first: memory+swap may not be below it.
  add('limit', 'memory.limit_in_bytes', limits.limit);
  // Where the kernel does not count swap, "unlimited" is what there is.
  const unlimitedAnyway =
    limits.swap === -1n && place.hierarchy.files?.includes('memory.memsw.limit_in_bytes') === false;
  if (!unlimitedAnyway) add('swap', 'memory.memsw.limit_in_bytes', limits.swap);
  add('reservation', 'memory.soft_limit_in_bytes', limits.reservation);
  add('kernelTCP', 'memory.kmem.tcp.limit_in_bytes', bytes(memory.kernelTCP, `${FIELD}.kernelTCP`));
  add('swappiness', 'memory.swappiness', swappiness(memory));
  if (memory.disableOOMKiller !== undefined) {
    add('disableOOMKiller', 'memory.oom_control', memory.disableOOMKiller ? 1n : 0n);
  }
  return settings;
}

function settingsV2(place: ControllerPlace, memory: Memory, limits: Limits, current: bigint | undefined): Setting[] {
  if ((bytes(memory.kernelTCP, `${FIELD}.kernelTCP`) ?? -1n) !== -1n) {
    throw unsupported(
      `${FIELD}.kernelTCP`,
      'control groups v2 count TCP buffers as memory, without a limit of their own',
    );
  }
  if (swappiness(memory) !== undefined) {
    throw unsupported(`${FIELD}.swappiness`, 'control groups v2 have no swappiness per group');
  }
  if (memory.disableOOMKiller === true) {
    throw unsupported(`${FIELD}.disableOOMKiller`, 'control groups v2 cannot turn the OOM killer off');
  }
  const settings: Setting[] = [];
  const add = (key: string, file: string, value: bigint | undefined): void => {
    if (value !== undefined) settings.push(setting(place, `${FIELD}.${key}`, file, limitText(value)));
  };
  const { limit, swap } = limits;
  // v2 counts swap alone. Without swap in the kernel there is no file, and "unlimited" is what there is.
  const swapAlone = swap === undefined || swap === -1n ? swap : swap - (limit ?? current ?? 0n);
  const noSwapFile = place.hierarchy.files?.includes('memory.swap.max') === false;
  if (!(noSwapFile && swapAlone === -1n)) add('swap', 'memory.swap.max', swapAlone);
  add('limit', 'memory.max', limit);
  add('reservation', 'memory.low', limits.reservation);
  return settings;
}

/**
 * `current`: the memory limit in force (update), for a swap without a limit of its own.
 * Zero is "not set". Throws SpecError.
 */
export function memorySettings(host: CgroupHost, memory: Memory, current?: bigint): Setting[] {
  refuseGone(memory);
  const limits = resolveLimits(memory, current);
  const asks = [
    limits.limit,
    limits.swap,
    limits.reservation,
    memory.kernelTCP,
    memory.swappiness,
    memory.disableOOMKiller,
  ];
  if (asks.every((value) => value === undefined || value === false)) return [];
  const place = requireController(host, FIELD, 'memory');
  return place.version === 1 ? settingsV1(place, memory, limits) : settingsV2(place, memory, limits, current);
}
