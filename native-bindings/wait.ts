/** waitpid(2) for children that libuv does not know. */
import { SystemError, systemCall } from './libc.ts';

const WNOHANG = 1;
const EINTR = 4;
const ECHILD = 10;

const waitpid = systemCall<[pid: number, status: Buffer, options: number]>(
  'int waitpid(int pid, void *status, int options)',
);

/** `gone`: not our child (any more). `signal` 0: it exited with `code`. */
export type WaitResult = 'running' | 'gone' | { readonly code: number; readonly signal: number };

/** Reaps the child if it has ended; does not wait. */
export function reap(pid: number): WaitResult {
  return wait(pid, WNOHANG);
}

/** Waits for the child's end, as long as that takes. */
export function waitForEnd(pid: number): Exclude<WaitResult, 'running'> {
  for (;;) {
    const result = wait(pid, 0);
    if (result !== 'running') return result;
  }
}

function wait(pid: number, options: number): WaitResult {
  const status = Buffer.alloc(128);
  try {
    if (waitpid(pid, status, options) === 0) return 'running';
  } catch (error) {
    if (error instanceof SystemError && error.errno === ECHILD) return 'gone';
    if (error instanceof SystemError && error.errno === EINTR) return 'running';
    throw error;
  }
  const word = status.readInt32LE(0);
  const signal = word & 0x7f;
  return { code: signal === 0 ? (word >> 8) & 0xff : 0, signal };
}
