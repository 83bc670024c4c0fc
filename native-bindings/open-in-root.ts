/** Opening a file of a container's root from outside, openat2(2): no link in it leads out, whatever it says. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SystemError, systemCall } from './libc.ts';

/** The same on every architecture, include/uapi/asm-generic/unistd.h. */
const SYS_OPENAT2 = 437;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_IN_ROOT = 0x10n;

const openat2 = systemCall<[number: number, directory: number, path: string, how: Uint8Array, size: number]>(
  'long syscall(long number, int directory, const char *path, const void *how, size_t size)',
);

/** struct open_how of include/uapi/linux/openat2.h: flags, mode, resolve. */
function openHow(flags: number): Buffer {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, 16);
  return how;
}

/**
 * A descriptor (O_PATH, close-on-exec; the caller closes it) of what `path` names inside `root`. Absolute links start
 * at `root`, ".." stops there.
 *
 * @throws SystemError
 */
export function openInRoot(root: number, path: string): number {
  const how = openHow(O_PATH | O_CLOEXEC);
  try {
    return openat2(SYS_OPENAT2, root, path, how, how.length);
  } catch (error) {
    if (error instanceof SystemError) throw new SystemError('openat2', error.errno, path);
    throw error;
  }
}

/** What stands at a path is not a regular file of at most so many bytes. */
export class UnreadableFile extends Error {
  override name = 'UnreadableFile';
}

function readAll(fd: number, path: string, most: number): Buffer {
  // One more than allowed: a file may grow while it is read, and some have no size at all.
  const bytes = Buffer.allocUnsafe(Math.min(fstatSync(fd).size, most) + 1);
  const parts: Buffer[] = [];
  let total = 0;
  for (;;) {
    const count = readSync(fd, bytes, 0, bytes.length, null);
    if (count === 0) return Buffer.concat(parts);
    total += count;
    if (total > most) throw new UnreadableFile(`${path} is larger than ${String(most)} bytes`);
    parts.push(Buffer.from(bytes.subarray(0, count)));
  }
}

/**
 * The bytes of the regular file at `path` inside the directory `root` (a host path); undefined where there is none.
 * A FIFO or device is not even opened.
 *
 * @throws UnreadableFile where it is no regular file or larger than `most` bytes; SystemError
 */
export function readInRoot(root: string, path: string, most: number): Buffer | undefined {
  const directory = openSync(root, O_PATH | O_CLOEXEC | constants.O_DIRECTORY);
  let found: number | undefined;
  try {
    found = openInRoot(directory, path);
    return readFound(found, path, most);
  } catch (error) {
    if (error instanceof SystemError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  } finally {
    for (const fd of [found, directory]) if (fd !== undefined) closeSync(fd);
  }
}

/** The bytes of what is open as `found` (O_PATH is enough), which stays open; `path` is for messages. Throws as readInRoot. */
export function readFound(found: number, path: string, most: number): Buffer {
  if (!fstatSync(found).isFile()) throw new UnreadableFile(`${path} is not a regular file`);
  // The same inode again, by its descriptor: nothing can have been put in its place.
  const file = openSync(`/proc/self/fd/${String(found)}`, constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC);
  try {
    return readAll(file, path, most);
  } finally {
    closeSync(file);
  }
}
