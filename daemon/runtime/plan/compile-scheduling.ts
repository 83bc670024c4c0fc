/**
 * How the process is scheduled and where its memory lies: properties that it sets on itself, by system calls whose
 * arguments are all known here. A child and execve(2) inherit each of them.
 */
import { syscallNumber } from '../seccomp/architectures.ts';
import { numberMask, parseNumberList } from '../spec/cpu-list.ts';
import type { Linux, MemoryPolicy, Process, Scheduler } from '../spec/types.ts';
import {
  IO_CLASSES,
  LAST_CPU,
  LAST_NODE,
  MEMORY_POLICY_FLAGS,
  MEMORY_POLICY_MODES,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
} from '../spec/validate-scheduling.ts';
import type { Operation } from './operations.ts';

/** sizeof(struct sched_attr), version 1, include/uapi/linux/sched/types.h. */
const SCHED_ATTR_SIZE = 56;
/** linux/ioprio.h: the class stands above the 13 bits of the level; IOPRIO_WHO_PROCESS, 0 is the caller. */
const IO_CLASS_SHIFT = 13;
const IO_WHO_PROCESS = 1;
/** PER_LINUX and PER_LINUX32 of linux/personality.h. */
const PERSONALITIES: ReadonlyMap<string, number> = new Map([
  ['LINUX', 0x0000],
  ['LINUX32', 0x0008],
]);

function call(name: string, args: readonly number[], buffer?: Uint8Array, at = -1): Operation {
  return {
    op: 'system_call',
    name,
    number: syscallNumber(name),
    arguments: args,
    buffer_argument: at,
    buffer: buffer ?? new Uint8Array(),
    tolerated: 0,
  };
}

function bits(names: readonly string[] | undefined, values: ReadonlyMap<string, number>): number {
  return (names ?? []).reduce((all, name) => all | (values.get(name) ?? 0), 0);
}

/** struct sched_attr, in the machine's order, which is little-endian wherever there are tables of system calls. */
function schedulerAttributes(wanted: Scheduler): Uint8Array {
  const bytes = new Uint8Array(SCHED_ATTR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SCHED_ATTR_SIZE, true);
  view.setUint32(4, SCHEDULER_POLICIES.get(wanted.policy) ?? 0, true);
  view.setBigUint64(8, BigInt(bits(wanted.flags, SCHEDULER_FLAGS)), true);
  view.setInt32(16, Number(wanted.nice ?? 0), true);
  view.setUint32(20, Number(wanted.priority ?? 0), true);
  view.setBigUint64(24, BigInt(wanted.runtime ?? 0), true);
  view.setBigUint64(32, BigInt(wanted.deadline ?? 0), true);
  view.setBigUint64(40, BigInt(wanted.period ?? 0), true);
  return bytes;
}

function memoryPolicy({ mode, nodes = '', flags }: MemoryPolicy): Operation {
  const value = (MEMORY_POLICY_MODES.get(mode) ?? 0) | bits(flags, MEMORY_POLICY_FLAGS);
  if (nodes === '') return call('set_mempolicy', [value, 0, 0]);
  const mask = numberMask(parseNumberList(nodes, LAST_NODE) ?? []);
  // `maxnode` counts one more than it means, set_mempolicy(2) BUGS.
  return call('set_mempolicy', [value, 0, mask.length * 8 + 1], mask, 1);
}

/** The CPUs of a list, by sched_setaffinity(2); "" and absent ask for nothing. */
export function compileAffinity(list: string | undefined): Operation[] {
  if (list === undefined || list === '') return [];
  const mask = numberMask(parseNumberList(list, LAST_CPU) ?? []);
  return [call('sched_setaffinity', [0, mask.length, 0], mask, 2)];
}

/** While init is still privileged, and in its control groups, which bound what may be asked for. */
export function compileScheduling(linux: Linux | undefined, wanted: Process): Operation[] {
  const operations: Operation[] = [];
  const { scheduler, ioPriority } = wanted;
  const { personality, memoryPolicy: policy } = linux ?? {};
  if (scheduler !== undefined) operations.push(call('sched_setattr', [0, 0, 0], schedulerAttributes(scheduler), 1));
  if (ioPriority !== undefined) {
    const priority = ((IO_CLASSES.get(ioPriority.class) ?? 0) << IO_CLASS_SHIFT) | Number(ioPriority.priority ?? 0);
    operations.push(call('ioprio_set', [IO_WHO_PROCESS, 0, priority]));
  }
  if (policy !== undefined) operations.push(memoryPolicy(policy));
  if (personality !== undefined) {
    operations.push(call('personality', [PERSONALITIES.get(personality.domain) ?? 0]));
  }
  return operations;
}
