/** Staying with a process until it ends: signals to this command are passed on to it, and its exit code becomes ours. */
import { SIGNALS } from '../../shared/signals.ts';
import type { AttendedShim } from '../../daemon/shim/attended.ts';

/**
 * All that a program may be sent and catch, but those that tell this process about itself: its children, its reader
 * that is gone, the size of its terminal (the relay's), its being stopped at the keyboard.
 */
const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGALRM'] as const;

/** Those that ask for the end; a hook that runs is not waited for then. */
const ENDING = new Set<number>([SIGNALS.SIGHUP, SIGNALS.SIGINT, SIGNALS.SIGQUIT, SIGNALS.SIGTERM]);

/**
 * Catches signals from now on, so that none ends this command while it has something to undo; they are kept until
 * there is somebody to send them to.
 */
export class SignalForwarder {
  private readonly waiting: number[] = [];
  private readonly controller = new AbortController();
  private shim: AttendedShim | undefined;
  private readonly listeners = FORWARDED.map((name) => [name, () => this.take(SIGNALS[name])] as const);

  constructor() {
    for (const [name, listener] of this.listeners) process.on(name, listener);
  }

  /** Aborted by a signal that asks for the end while there is nobody to send it to. */
  get abort(): AbortSignal {
    return this.controller.signal;
  }

  /** To the process named "" of this shim. */
  forwardTo(shim: AttendedShim): void {
    this.shim = shim;
    for (const signal of this.waiting.splice(0)) shim.signal('', signal);
  }

  close(): void {
    for (const [name, listener] of this.listeners) process.off(name, listener);
  }

  private take(signal: number): void {
    if (this.shim !== undefined) {
      this.shim.signal('', signal);
      return;
    }
    this.waiting.push(signal);
    if (ENDING.has(signal)) this.controller.abort();
  }
}

/** Resolves to the exit code of the process named "", 128 + N where signal N ended it. Throws ShimLost. */
export async function exitCodeOf(shim: AttendedShim): Promise<number> {
  return Number((await shim.exitOf('')).code);
}
