/** Waiting in the event loop for a descriptor: pipes and sockets to be read, the end of a process by its pidfd. */
import { whenReadable } from './libc.ts';

export { whenReadable };

/** Calls back once, when the process of `pidfd` has ended, pidfd_open(2); a child is not yet reaped then. */
export function whenEnded(pidfd: number, callback: () => void): { close(): void } {
  return whenReadable(pidfd, callback);
}
