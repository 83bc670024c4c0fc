/**
 * eBPF programs that guard the devices of a cgroup v2 group: bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE. The fields are those
 * of union bpf_attr, include/uapi/linux/bpf.h.
 */
import { closeSync, openSync } from 'node:fs';
import { SystemError, addressOf, systemCall } from './libc.ts';

/** By number, for no C library has a wrapper. */
const SYS_BPF: Partial<Record<NodeJS.Architecture, number>> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 };
const PROG_LOAD = 5;
const PROG_ATTACH = 8;
const PROG_GET_FD_BY_ID = 13;
const PROG_QUERY = 16;

const PROG_TYPE_CGROUP_DEVICE = 15;
const CGROUP_DEVICE = 6;
const F_ALLOW_MULTI = 2;
const F_REPLACE = 4;
const EEXIST = 17;
const INSTRUCTION_SIZE = 8;
/** struct bpf_attr of Linux 5.12: what the kernel does not know must be zero, and all beyond our fields is. */
const ATTRIBUTES_SIZE = 120;
/** A group has one filter of ours; more than this many of others' are not looked at. */
const MOST_PROGRAMS = 64;

const syscall = systemCall<[number: number, command: number, attributes: Uint8Array, size: number]>(
  'long syscall(long number, int command, void *attributes, uint size)',
);

function bpf(step: string, command: number, attributes: Uint8Array): number {
  const number = SYS_BPF[process.arch];
  if (number === undefined) throw new Error(`the number of bpf(2) on ${process.arch} is not known`);
  try {
    return syscall(number, command, attributes, attributes.length);
  } catch (error) {
    throw error instanceof SystemError ? new SystemError(`bpf ${step}`, error.errno) : error;
  }
}

function attributes(fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(ATTRIBUTES_SIZE);
  fill(new DataView(bytes.buffer));
  return bytes;
}

/** A descriptor of the loaded program. The caller closes it. Throws SystemError: EACCES is the verifier's refusal. */
function load(program: Uint8Array): number {
  const license = Buffer.from('Apache-2.0\0');
  const wanted = attributes((view) => {
    view.setUint32(0, PROG_TYPE_CGROUP_DEVICE, true);
    view.setUint32(4, program.length / INSTRUCTION_SIZE, true);
    view.setBigUint64(8, addressOf(program), true);
    view.setBigUint64(16, addressOf(license), true);
  });
  return bpf('PROG_LOAD', PROG_LOAD, wanted);
}

/** Ids of the device programs attached to the group itself. */
function attachedTo(group: number): number[] {
  const ids = new Uint32Array(MOST_PROGRAMS);
  const wanted = attributes((view) => {
    view.setUint32(0, group, true);
    view.setUint32(4, CGROUP_DEVICE, true);
    view.setBigUint64(16, addressOf(new Uint8Array(ids.buffer)), true);
    view.setUint32(24, MOST_PROGRAMS, true);
  });
  bpf('PROG_QUERY', PROG_QUERY, wanted);
  return [...ids.subarray(0, new DataView(wanted.buffer).getUint32(24, true))];
}

function attach(group: number, program: number, replaced: number | undefined): void {
  const wanted = attributes((view) => {
    view.setUint32(0, group, true);
    view.setUint32(4, program, true);
    view.setUint32(8, CGROUP_DEVICE, true);
    view.setUint32(12, F_ALLOW_MULTI | (replaced === undefined ? 0 : F_REPLACE), true);
    view.setUint32(16, replaced ?? 0, true);
  });
  bpf('PROG_ATTACH', PROG_ATTACH, wanted);
}

/**
 * Puts `program` (struct bpf_insn[]) in the place of the one device filter that the group has, in one step: there is
 * no moment with both or with none. A group without a filter gets its first.
 * Throws SystemError; EEXIST where the group has several filters, so that it is not known which one is meant.
 *
 * @param directory - of the group, on a cgroup2 mount
 */
export function replaceDeviceProgram(directory: string, program: Uint8Array): void {
  const group = openSync(directory, 'r');
  const open = [group];
  try {
    const loaded = load(program);
    open.push(loaded);
    const [id, ...others] = attachedTo(group);
    if (others.length > 0) throw new SystemError('bpf PROG_ATTACH', EEXIST, directory);
    let replaced: number | undefined;
    if (id !== undefined) {
      replaced = bpf(
        'PROG_GET_FD_BY_ID',
        PROG_GET_FD_BY_ID,
        attributes((view) => {
          view.setUint32(0, id, true);
        }),
      );
      open.push(replaced);
    }
    attach(group, loaded, replaced);
  } finally {
    open.forEach((descriptor) => {
      closeSync(descriptor);
    });
  }
}

/** How many device filters the group itself has. Throws SystemError. */
export function countDevicePrograms(directory: string): number {
  const group = openSync(directory, 'r');
  try {
    return attachedTo(group).length;
  } finally {
    closeSync(group);
  }
}
