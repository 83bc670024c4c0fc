/** readlinkat(2) of a symbolic link that is open itself (O_PATH, O_NOFOLLOW). */
import { systemCall } from './libc.ts';

/** PATH_MAX of include/uapi/linux/limits.h: no file system keeps a longer one. */
const LARGEST = 4096;

const readlinkat = systemCall<[fd: number, path: string, text: Uint8Array, size: number]>(
  'long readlinkat(int fd, const char *path, void *text, size_t size)',
);

/** One character a byte. Throws SystemError. */
export function readLinkOf(fd: number): string {
  const text = Buffer.allocUnsafe(LARGEST);
  return text.toString('latin1', 0, readlinkat(fd, '', text, text.length));
}
