/**
 * config.json: `process.scheduler`, `.ioPriority` and `.execCPUAffinity`, and `linux.memoryPolicy`, config.md#linux-process
 * and config-linux.md#memory-policy of runtime-spec 1.3.0. What the kernel would take and pass over is refused by name.
 */
import { and, i32, integer, list, object, oneOf, text, u64, type Check } from './check.ts';
import { parseNumberList } from './cpu-list.ts';
import { SpecError } from './error.ts';
import type { MemoryPolicy, Process, Scheduler } from './types.ts';

/** SCHED_* of include/uapi/linux/sched.h. SCHED_ISO has a number and no implementation: the kernel says so. */
export const SCHEDULER_POLICIES: ReadonlyMap<string, number> = new Map([
  ['SCHED_OTHER', 0],
  ['SCHED_FIFO', 1],
  ['SCHED_RR', 2],
  ['SCHED_BATCH', 3],
  ['SCHED_ISO', 4],
  ['SCHED_IDLE', 5],
  ['SCHED_DEADLINE', 6],
]);

/** SCHED_FLAG_* of the same file. */
export const SCHEDULER_FLAGS: ReadonlyMap<string, number> = new Map([
  ['SCHED_FLAG_RESET_ON_FORK', 0x01],
  ['SCHED_FLAG_RECLAIM', 0x02],
  ['SCHED_FLAG_DL_OVERRUN', 0x04],
  ['SCHED_FLAG_KEEP_POLICY', 0x08],
  ['SCHED_FLAG_KEEP_PARAMS', 0x10],
  ['SCHED_FLAG_UTIL_CLAMP_MIN', 0x20],
  ['SCHED_FLAG_UTIL_CLAMP_MAX', 0x40],
]);

/** IOPRIO_CLASS_* of include/uapi/linux/ioprio.h. */
export const IO_CLASSES: ReadonlyMap<string, number> = new Map([
  ['IOPRIO_CLASS_RT', 1],
  ['IOPRIO_CLASS_BE', 2],
  ['IOPRIO_CLASS_IDLE', 3],
]);

/** MPOL_* of include/uapi/linux/mempolicy.h. */
export const MEMORY_POLICY_MODES: ReadonlyMap<string, number> = new Map([
  ['MPOL_DEFAULT', 0],
  ['MPOL_PREFERRED', 1],
  ['MPOL_BIND', 2],
  ['MPOL_INTERLEAVE', 3],
  ['MPOL_LOCAL', 4],
  ['MPOL_PREFERRED_MANY', 5],
  ['MPOL_WEIGHTED_INTERLEAVE', 6],
]);

export const MEMORY_POLICY_FLAGS: ReadonlyMap<string, number> = new Map([
  ['MPOL_F_STATIC_NODES', 1 << 15],
  ['MPOL_F_RELATIVE_NODES', 1 << 14],
  ['MPOL_F_NUMA_BALANCING', 1 << 13],
]);

/** Largest CONFIG_NR_CPUS and 2^CONFIG_NODES_SHIFT, less one. */
export const LAST_CPU = 8191;
export const LAST_NODE = 1023;

const REAL_TIME: ReadonlySet<string> = new Set(['SCHED_FIFO', 'SCHED_RR']);
/** The policies that look at the nice value, sched(7). */
const FAIR: ReadonlySet<string> = new Set(['SCHED_OTHER', 'SCHED_BATCH', 'SCHED_ISO']);

function checkScheduler(value: Scheduler, field: string): void {
  const { policy, nice = 0, priority = 0 } = value;
  if (nice < -20 || nice > 19) throw new SpecError(`${field}.nice`, `${String(nice)} is not within -20 to 19`);
  if (Number(nice) !== 0 && !FAIR.has(policy)) throw new SpecError(`${field}.nice`, `has no meaning for ${policy}`);
  if (REAL_TIME.has(policy)) {
    if (priority < 1 || priority > 99) {
      throw new SpecError(`${field}.priority`, `${policy} needs one of 1 to 99, not ${String(priority)}`);
    }
  } else if (Number(priority) !== 0) {
    throw new SpecError(`${field}.priority`, `has no meaning for ${policy}`);
  }
  if (policy === 'SCHED_DEADLINE') return;
  for (const name of ['runtime', 'deadline', 'period'] as const) {
    if (Number(value[name] ?? 0) !== 0) throw new SpecError(`${field}.${name}`, `has no meaning for ${policy}`);
  }
}

export const scheduler: Check<Scheduler> = and(
  object<Scheduler>(
    {
      policy: oneOf([...SCHEDULER_POLICIES.keys()]),
      nice: i32,
      priority: i32,
      flags: list(oneOf([...SCHEDULER_FLAGS.keys()])),
      runtime: u64,
      deadline: u64,
      period: u64,
    },
    ['policy'],
  ),
  checkScheduler,
);

export const ioPriority = object<Exclude<Process['ioPriority'], undefined>>(
  { class: oneOf([...IO_CLASSES.keys()]), priority: integer(0, 7) },
  ['class'],
);

function numberList(last: number, what: string): Check<string> {
  return and(text, (value, field) => {
    if (value !== '' && parseNumberList(value, last) === undefined) {
      throw new SpecError(field, `"${value}" is not a list of ${what} such as "0-3,7"`);
    }
  });
}

export const affinity = object<Exclude<Process['execCPUAffinity'], undefined>>(
  { initial: numberList(LAST_CPU, 'CPUs'), final: numberList(LAST_CPU, 'CPUs') },
  [],
);

export const memoryPolicy = object<MemoryPolicy>(
  {
    mode: oneOf([...MEMORY_POLICY_MODES.keys()]),
    nodes: numberList(LAST_NODE, 'memory nodes'),
    flags: list(oneOf([...MEMORY_POLICY_FLAGS.keys()])),
  },
  ['mode'],
);
