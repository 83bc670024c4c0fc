/** Limits as a user writes them, in bytes and CPUs, and as OCI resources. */
import type { Limits } from '../../shared/api/container.ts';
import { parseBytes } from '../../shared/units.ts';
import type { Resources } from '../runtime/spec/types.ts';
import { EngineError } from './errors.ts';
import { checkIo, withIo } from './limits-io.ts';

const CPU_PERIOD_US = 100_000;
/** The kernel takes no shorter quota. */
const CPU_QUOTA_LEAST_US = 1000;
const CPU_PERIOD_LEAST_US = 1000;
/** With less nothing starts: the first pages of a program and its page tables are charged to it. */
const MEMORY_LEAST = 512 * 1024;

/** The limits with every size in bytes. `undefined` fields are left out. Throws `invalid_field`. */
export function normalLimits(limits: Limits, field = 'limits'): Limits {
  const memory = bytesOf(limits.memory, `${field}.memory`);
  const memorySwap = limits.memorySwap === -1 ? -1 : bytesOf(limits.memorySwap, `${field}.memorySwap`);
  const memoryReservation = bytesOf(limits.memoryReservation, `${field}.memoryReservation`);
  if (memory !== undefined && memory !== 0 && memory < MEMORY_LEAST) {
    throw invalid(`${field}.memory`, `${String(memory)} bytes are too few to start anything: at least 512 KiB`);
  }
  if (memorySwap !== undefined && memorySwap > 0) {
    if (memory === undefined || memory === 0) throw invalid(`${field}.memorySwap`, 'needs a memory limit too');
    if (memorySwap < memory) throw invalid(`${field}.memorySwap`, 'is memory and swap together: not less than memory');
  }
  if (memoryReservation !== undefined && memory !== undefined && memory !== 0 && memoryReservation > memory) {
    throw invalid(`${field}.memoryReservation`, 'is more than the memory limit');
  }
  checkTimes(limits, field);
  checkIo(limits, field);
  if (limits.cpus !== undefined && Math.round(limits.cpus * CPU_PERIOD_US) < CPU_QUOTA_LEAST_US) {
    throw invalid(`${field}.cpus`, `${String(limits.cpus)} is less than the kernel can give: at least 0.01`);
  }
  return {
    ...limits,
    ...(memory === undefined ? {} : { memory }),
    ...(memorySwap === undefined ? {} : { memorySwap }),
    ...(memoryReservation === undefined ? {} : { memoryReservation }),
  };
}

/** Zero is "not set", as Docker has it; and `cpus` says both at once. */
function checkTimes({ cpus, cpuQuota = 0, cpuPeriod = 0 }: Limits, field: string): void {
  const said = cpuQuota === 0 ? 'cpuPeriod' : 'cpuQuota';
  if (cpus !== undefined && (cpuQuota !== 0 || cpuPeriod !== 0)) {
    throw invalid(`${field}.${said}`, 'contradicts cpus, which says quota and period at once');
  }
  if (cpuQuota > 0 && cpuQuota < CPU_QUOTA_LEAST_US) {
    throw invalid(`${field}.cpuQuota`, `${String(cpuQuota)} is less than the kernel can give: at least 1000`);
  }
  if (cpuPeriod > 0 && cpuPeriod < CPU_PERIOD_LEAST_US) {
    throw invalid(`${field}.cpuPeriod`, `${String(cpuPeriod)} is less than the kernel takes: at least 1000`);
  }
}

/** `base` with what the (normal) limits say in place of what it says. Throws `invalid_field` for devices. */
export function withLimits(base: Resources, limits: Limits, field = 'limits'): Resources {
  const memory = { ...base.memory };
  const cpu = { ...base.cpu };
  if (limits.memory !== undefined) memory.limit = limits.memory === 0 ? -1 : Number(limits.memory);
  if (limits.memorySwap !== undefined) memory.swap = limits.memorySwap === 0 ? -1 : Number(limits.memorySwap);
  if (limits.memoryReservation !== undefined) memory.reservation = Number(limits.memoryReservation);
  if (limits.memorySwappiness !== undefined) memory.swappiness = limits.memorySwappiness;
  if (limits.oomKillDisable !== undefined) memory.disableOOMKiller = limits.oomKillDisable;
  if (limits.cpus !== undefined) {
    cpu.period = CPU_PERIOD_US;
    cpu.quota = Math.round(limits.cpus * CPU_PERIOD_US);
  }
  if (limits.cpuShares !== undefined) cpu.shares = limits.cpuShares;
  if (limits.cpuset !== undefined) cpu.cpus = limits.cpuset;
  if (limits.cpusetMems !== undefined) cpu.mems = limits.cpusetMems;
  if (limits.cpuQuota !== undefined && limits.cpuQuota !== 0) cpu.quota = limits.cpuQuota;
  if (limits.cpuPeriod !== undefined && limits.cpuPeriod !== 0) cpu.period = limits.cpuPeriod;
  const blockIO = withIo(base.blockIO, limits, field);
  return {
    ...base,
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(Object.keys(blockIO).length === 0 ? {} : { blockIO }),
    ...(limits.pids === undefined ? {} : { pids: { limit: limits.pids === 0 ? -1 : limits.pids } }),
  };
}

/** What is odd about them, although the kernel takes it. */
export function limitWarnings({ oomKillDisable, memory }: Limits): string[] {
  if (oomKillDisable !== true || (memory !== undefined && memory !== 0)) return [];
  return ['the OOM killer is turned off without a memory limit: the container can take all memory of the host'];
}

export function bytesOf(value: number | string | undefined, field: string): number | undefined {
  if (value === undefined) return undefined;
  try {
    return parseBytes(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EngineError('invalid_field', `${field}: ${error.message}`, { field, cause: error });
  }
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
