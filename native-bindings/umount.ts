/** umount2(2). */
import { SystemError, systemCall } from './libc.ts';

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const ENOENT = 2;
const EINVAL = 22;

const umount2 = systemCall<[target: string, flags: number]>('int umount2(const char *target, int flags)');

/**
 * Takes the topmost mount at `path` away, also while it is in use; a link there is not followed. False: nothing is
 * mounted there (any more). Throws SystemError.
 */
export function detachMount(path: string): boolean {
  try {
    umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    return true;
  } catch (error) {
    if (error instanceof SystemError && [ENOENT, EINVAL].includes(error.errno)) return false;
    throw error;
  }
}
