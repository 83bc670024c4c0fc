/** umount2(2). */
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { systemCall } from './libc.ts';

const MNT_DETACH = 2;
const O_PATH = 0o10000000;

const umount2 = systemCall<[target: string, flags: number]>('int umount2(const char *target, int flags)');

/**
 * Takes the mount of this id (mountinfo's) away, also while it is in use, where it is the topmost one at `path`. By a
 * descriptor, so that it is no other wherever the path leads by then. False: it is not there (any more). Throws SystemError.
 */
export function detachMount(path: string, id: number): boolean {
  const place = open(path);
  if (place === undefined) return false;
  try {
    const about = readFileSync(`/proc/self/fdinfo/${String(place)}`, 'utf8');
    if (Number(/^mnt_id:\s*(\d+)$/m.exec(about)?.[1]) !== id) return false;
    umount2(`/proc/self/fd/${String(place)}`, MNT_DETACH);
    return true;
  } finally {
    closeSync(place);
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
