/** Processes by descriptor: pidfd_open(2) and pidfd_send_signal(2). */
import { closeSync } from 'node:fs';
import { SystemError, systemCall } from './libc.ts';

const ESRCH = 3;

// by number: glibc has wrappers only since 2.36. The numbers are the same on every architecture.
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const syscall3 = systemCall<[number: number, pid: number, flags: number]>(
  'long syscall(long number, int pid, uint flags)',
);
const syscall4 = systemCall<[number: number, fd: number, signal: number, siginfo: null, flags: number]>(
  'long syscall(long number, int fd, int signal, void *siginfo, uint flags)',
);

/** A descriptor (close-on-exec) of the process; undefined if there is none with this pid. The caller closes it. */
export function pidfdOpen(pid: number): number | undefined {
  try {
    return syscall3(SYS_PIDFD_OPEN, pid, 0);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ESRCH) return undefined;
    throw named(error, 'pidfd_open');
  }
}

/** Sends a signal by number. False: the process has ended. */
export function pidfdSendSignal(pidfd: number, signal: number): boolean {
  try {
    syscall4(SYS_PIDFD_SEND_SIGNAL, pidfd, signal, null, 0);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === ESRCH) return false;
    throw named(error, 'pidfd_send_signal');
  }
}

/** Signals a process known by number only while it is certain that the number is still its own. False: it has ended. */
export function signalChild(pid: number, signal: number): boolean {
  const pidfd = pidfdOpen(pid);
  if (pidfd === undefined) return false;
  try {
    return pidfdSendSignal(pidfd, signal);
  } finally {
    closeSync(pidfd);
  }
}

function named(error: unknown, syscall: string): unknown {
  return error instanceof SystemError ? new SystemError(syscall, error.errno) : error;
}
