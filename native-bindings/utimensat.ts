/** utimensat(2), to the nanosecond: Node's calls take seconds as a double, which loses some hundreds of them. */
import { type CName, cName } from './directory-entries.ts';
import { systemCall } from './libc.ts';

const AT_SYMLINK_NOFOLLOW = 0x100;
const TIMESPEC = 16;

/** Seconds since 1970, negative before, and nanoseconds from there, 0 … 999,999,999. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const utimensat = systemCall<[directory: number, name: CName, times: Uint8Array, flags: number]>(
  'int utimensat(int directory, const char *name, const void *times, int flags)',
);
const futimens = systemCall<[fd: number, times: Uint8Array]>('int futimens(int fd, const void *times)');

function timespecs(accessed: Timestamp, modified: Timestamp): Buffer {
  const times = Buffer.allocUnsafe(2 * TIMESPEC);
  for (const [index, { seconds, nanoseconds }] of [accessed, modified].entries()) {
    times.writeBigInt64LE(BigInt(seconds), index * TIMESPEC);
    times.writeBigInt64LE(BigInt(nanoseconds), index * TIMESPEC + 8);
  }
  return times;
}

/** Of an open file or directory (not O_PATH). What the file system cannot hold it clamps. Throws SystemError. */
export function setTimes(fd: number, accessed: Timestamp, modified: Timestamp): void {
  futimens(fd, timespecs(accessed, modified));
}

/** Of an entry itself, also where it is a symbolic link; `name` is of bytes (directory-entries.ts). Throws SystemError. */
export function setTimesAt(directory: number, name: string, accessed: Timestamp, modified: Timestamp): void {
  utimensat(directory, cName(name), timespecs(accessed, modified), AT_SYMLINK_NOFOLLOW);
}
