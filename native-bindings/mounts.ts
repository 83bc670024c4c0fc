/**
 * New mounts by descriptor, of Linux 5.2: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2), and
 * mount_setattr(2) of 5.12. What they make goes away with the mount namespace that it is attached in.
 */
import { closeSync } from 'node:fs';
import { systemCall } from './libc.ts';

/** The same on every architecture, include/uapi/asm-generic/unistd.h. */
const SYS = { open_tree: 428, move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, mount_setattr: 442 } as const;
const FLAG_CLOEXEC = 1;
const CONFIG = { flag: 0, text: 1, create: 6 } as const;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const CLONE = 1;
const TREE_CLOEXEC = 0o2000000;
const FROM_AND_TO_ARE_DESCRIPTORS = 0x4 | 0x40;

/** MS_SLAVE and MOUNT_ATTR_RDONLY of include/uapi/linux/mount.h. */
export const SLAVE = 1 << 19;
export const READ_ONLY = 1;

const fsopen = systemCall<[number: number, type: string, flags: number]>(
  'long syscall(long number, const char *type, uint flags)',
);
const fsconfig = systemCall<
  [number: number, context: number, command: number, key: string | null, value: string | null, auxiliary: number]
>('long syscall(long number, int context, uint command, const char *key, const char *value, int auxiliary)');
const fsmount = systemCall<[number: number, context: number, flags: number, attributes: number]>(
  'long syscall(long number, int context, uint flags, uint attributes)',
);
const openTree = systemCall<[number: number, directory: number, path: string, flags: number]>(
  'long syscall(long number, int directory, const char *path, uint flags)',
);
const moveMount = systemCall<
  [number: number, from: number, fromPath: string, to: number, toPath: string, flags: number]
>('long syscall(long number, int from, const char *fromPath, int to, const char *toPath, uint flags)');
const mountSetattr = systemCall<
  [number: number, directory: number, path: string, flags: number, attributes: Uint8Array, size: number]
>('long syscall(long number, int directory, const char *path, uint flags, const void *attributes, size_t size)');

/** A file system that nothing is attached to yet; `true` is an option without a value. The caller closes it. Throws SystemError. */
export function newMount(type: string, options: readonly (readonly [key: string, value: string | true])[]): number {
  const context = fsopen(SYS.fsopen, type, FLAG_CLOEXEC);
  try {
    for (const [key, value] of options) {
      if (value === true) fsconfig(SYS.fsconfig, context, CONFIG.flag, key, null, 0);
      else fsconfig(SYS.fsconfig, context, CONFIG.text, key, value, 0);
    }
    fsconfig(SYS.fsconfig, context, CONFIG.create, null, null, 0);
    return fsmount(SYS.fsmount, context, FLAG_CLOEXEC, 0);
  } finally {
    closeSync(context);
  }
}

/**
 * Another mount of what the descriptor is of, which has to be in the caller's mount namespace; with what is mounted below
 * it where `recursive`. The caller closes it. Throws SystemError.
 */
export function cloneMount(fd: number, recursive: boolean): number {
  const flags = CLONE | TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return openTree(SYS.open_tree, fd, '', flags);
}

/** Throws SystemError. */
export function attachMount(mount: number, place: number): void {
  moveMount(SYS.move_mount, mount, '', place, '', FROM_AND_TO_ARE_DESCRIPTORS);
}

/** struct mount_attr: what to set, what to clear, propagation, user namespace. */
function attributes(set: number, propagation: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(BigInt(set), 0);
  bytes.writeBigUInt64LE(BigInt(propagation), 16);
  return bytes;
}

/** Of the mount that the descriptor is the root of. Throws SystemError. */
export function makeReadOnly(mount: number, recursive: boolean): void {
  const bytes = attributes(READ_ONLY, 0);
  mountSetattr(SYS.mount_setattr, mount, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), bytes, bytes.length);
}

/** Every mount of the namespace takes after the ones that it was copied from, and none of ours is seen there. Throws SystemError. */
export function makeAllSlaves(): void {
  const bytes = attributes(0, SLAVE);
  mountSetattr(SYS.mount_setattr, AT_FDCWD, '/', AT_RECURSIVE, bytes, bytes.length);
}
