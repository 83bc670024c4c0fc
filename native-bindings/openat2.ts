/** openat2(2), of Linux 5.6: paths that are resolved below a directory, whatever links they meet. */
import { type CName, O_CLOEXEC, cName } from './directory-entries.ts';
import { SystemError, systemCall } from './libc.ts';

/** The same on every architecture, include/uapi/asm-generic/unistd.h. */
const SYS_OPENAT2 = 437;

const EAGAIN = 11;
/** Renames in the whole system make the kernel say "again" where a path has ".."; whoever renames all the time is not waited for. */
const MOST_ATTEMPTS = 1000;

/** RESOLVE_* of include/uapi/linux/openat2.h. */
export const RESOLVE = {
  noMounts: 0x01,
  noMagicLinks: 0x02,
  noLinks: 0x04,
  beneath: 0x08,
  inRoot: 0x10,
} as const;

const call = systemCall<[number: number, directory: number, path: CName, how: Uint8Array, size: number]>(
  'long syscall(long number, int directory, const char *path, const void *how, size_t size)',
);

/**
 * A descriptor, close-on-exec. `path` is of bytes, one character each (directory-entries.ts); `flags` are those of
 * openat(2) but for those that make a file. Throws SystemError: ELOOP where a link is refused, EXDEV where the path
 * leads out.
 */
export function openBelow(directory: number, path: string, flags: number, resolve: number): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  for (let attempt = 1; ; attempt++) {
    try {
      return call(SYS_OPENAT2, directory, cName(path), how, how.length);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno !== EAGAIN || attempt === MOST_ATTEMPTS) throw new SystemError('openat2', error.errno, path);
    }
  }
}
