/** No space for content: said before the first byte where the file system can tell, and where a write shows it. */
import { statfs } from 'node:fs/promises';
import { ImageError } from '../errors.ts';

/** ENOSPC and EDQUOT: the disk, or what we may use of it, is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** `error`, as ImageError disk_full where it is that; `what` begins the message. */
export function asImageError(error: unknown, what: string): unknown {
  if (!isDiskFull(error)) return error;
  return new ImageError('disk_full', `${what}: no space left for it`, { cause: error });
}

/** Throws ImageError disk_full where the file system of `directory` has no room for `bytes` more. */
export async function checkSpace(directory: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(directory);
  // some file systems count nothing
  if (blocks === 0 || bytes <= bavail * bsize) return;
  throw new ImageError('disk_full', `${what}: ${bytes} bytes are needed and ${bavail * bsize} are free`);
}
