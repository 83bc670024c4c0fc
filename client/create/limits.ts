/** Limits as flags give them, for `create` and `update`. Units are read by the daemon. */
import type { Limits } from '../../shared/api/container.ts';
import { parseBytes } from '../../shared/units.ts';
import type { Arguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';

export function limitsOf(input: Arguments): Limits {
  const memorySwap = input.string('memory-swap');
  const limits: Limits = {};
  const memory = input.string('memory');
  const memoryReservation = input.string('memory-reservation');
  const cpus = input.number('cpus');
  const cpuShares = input.integer('cpu-shares');
  const cpuset = input.string('cpuset-cpus');
  const pids = input.integer('pids-limit');
  if (memory !== undefined) limits.memory = memory;
  if (memorySwap !== undefined) limits.memorySwap = memorySwap === '-1' ? -1 : memorySwap;
  if (memoryReservation !== undefined) limits.memoryReservation = memoryReservation;
  if (cpus !== undefined) limits.cpus = cpus;
  if (cpuShares !== undefined) limits.cpuShares = cpuShares;
  if (cpuset !== undefined) limits.cpuset = cpuset;
  if (pids !== undefined) limits.pids = pids;
  return { ...limits, ...furtherLimits(input), ...deviceLimits(input) };
}

/** In docker's names, and ours. */
const NUMBERS = [
  ['cpu-period', 'cpuPeriod'],
  ['cpu-quota', 'cpuQuota'],
  ['blkio-weight', 'blkioWeight'],
  ['memory-swappiness', 'memorySwappiness'],
] as const;

function furtherLimits(input: Arguments): Limits {
  const limits: Limits = {};
  for (const [flag, property] of NUMBERS) {
    const value = input.integer(flag);
    if (value !== undefined) limits[property] = value;
  }
  const mems = input.string('cpuset-mems');
  if (mems !== undefined) limits.cpusetMems = mems;
  if (input.has('oom-kill-disable')) limits.oomKillDisable = input.boolean('oom-kill-disable');
  return limits;
}

const RATES = [
  ['device-read-bps', 'deviceReadBps', parseBytes],
  ['device-write-bps', 'deviceWriteBps', parseBytes],
  ['device-read-iops', 'deviceReadIops', count],
  ['device-write-iops', 'deviceWriteIops', count],
] as const;

function deviceLimits(input: Arguments): Limits {
  const limits: Limits = {};
  for (const [flag, property, read] of RATES) {
    const lines = input.list(flag).map((word) => lineOf(word, flag, read));
    if (lines.length > 0) limits[property] = lines.map(({ path, value }) => ({ path, rate: value }));
  }
  const flag = 'blkio-weight-device';
  const weights = input.list(flag).map((word) => lineOf(word, flag, count));
  if (weights.length > 0) limits.blkioWeightDevice = weights.map(({ path, value }) => ({ path, weight: value }));
  return limits;
}

/** "NODE:VALUE" */
function lineOf(word: string, flag: string, read: (text: string) => number): { path: string; value: number } {
  const [, path = '', text = ''] = /^(\/.*):([^:]+)$/s.exec(word) ?? [];
  try {
    if (path !== '') return { path, value: read(text) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new UsageError(`--${flag} "${word}" is not NODE:${flag.endsWith('bps') ? 'BYTES' : 'NUMBER'}`);
}

function count(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RangeError('not a number');
  return Number(text);
}
