/** flock(2): a lock on an open file, let go by the kernel when its last descriptor is closed. */
import { SystemError, systemCall } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

const flock = systemCall<[fd: number, operation: number]>('int flock(int fd, int operation)');

/** Takes the exclusive lock without waiting. False: someone else holds it. Throws SystemError for all else. */
export function lockExclusive(fd: number): boolean {
  try {
    flock(fd, LOCK_EX | LOCK_NB);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === EWOULDBLOCK) return false;
    throw error;
  }
}
