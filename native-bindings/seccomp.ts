/** seccomp(2), as far as it can be asked without changing anything. */
import { SystemError, systemCall } from './libc.ts';

const SECCOMP_SET_MODE_FILTER = 1;
const EFAULT = 14;

const seccomp = systemCall<[number: number, operation: number, flags: number, filter: null]>(
  'long syscall(long number, uint operation, uint flags, void *filter)',
);

/**
 * Whether the kernel knows all SECCOMP_FILTER_FLAG_* in `flags`. It looks at them before it looks at the filter, which is
 * none: EFAULT where it knows them, EINVAL where it does not. `number`: of the system call on this machine.
 */
export function knowsFilterFlags(number: number, flags: number): boolean {
  try {
    seccomp(number, SECCOMP_SET_MODE_FILTER, flags, null);
  } catch (error) {
    return error instanceof SystemError && error.errno === EFAULT;
  }
  return false;
}
