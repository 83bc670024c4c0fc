/** Limits as flags give them, for `create` and `update`. Units are read by the daemon. */
import type { Limits } from '../../shared/api/container.ts';
import type { Arguments } from '../arguments.ts';

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
  return limits;
}
