/** Mounts by descriptor: open_tree(2), move_mount(2), of Linux 5.2. */
import { closeSync } from 'node:fs';
import { systemCall } from './libc.ts';

/** The same on every architecture, include/uapi/asm-generic/unistd.h. */
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const MNT_DETACH = 2;

const openTree = systemCall<[number: number, directory: number, path: string, flags: number]>(
  'long syscall(long number, int directory, const char *path, uint flags)',
);
const moveMount = systemCall<
  [number: number, from: number, fromPath: string, to: number, toPath: string, flags: number]
>('long syscall(long number, int from, const char *fromPath, int to, const char *toPath, uint flags)');
const umount2 = systemCall<[target: string, flags: number]>('int umount2(const char *target, int flags)');

/** The file of the descriptor `file` is seen where the one of `target` is, from then on. Throws SystemError. */
export function bindOver(file: number, target: number): void {
  const tree = openTree(SYS_OPEN_TREE, file, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  try {
    moveMount(SYS_MOVE_MOUNT, tree, '', target, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  } finally {
    closeSync(tree);
  }
}

/** Takes the mount away whose root the descriptor is of, also while it is in use. Throws SystemError. */
export function unbind(root: number): void {
  umount2(`/proc/self/fd/${String(root)}`, MNT_DETACH);
}
