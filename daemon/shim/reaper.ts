/**
 * Reaps shims that are children of this daemon; libuv waits for its own children only. (Shims of an earlier daemon
 * are init's children and reaped there.)
 */
import { reap } from '../../native-bindings/wait.ts';

/** How a shim's process ended: `signal` 0 where it exited with `code`. */
export interface ShimDeath {
  readonly pid: number;
  readonly code: number;
  readonly signal: number;
}

export class Reaper {
  /** Shims that have hung up, so that their end is near; SIGCHLD does not say whose it is. */
  private readonly ending = new Set<number>();
  private readonly died: (death: ShimDeath) => void;
  private readonly look = (): void => {
    for (const pid of this.ending) this.tryToReap(pid);
  };

  /** `died` is called for each child that was reaped. */
  constructor(died: (death: ShimDeath) => void) {
    this.died = died;
    process.on('SIGCHLD', this.look);
  }

  /** The process has ended or is about to. One that is not our child is ignored. */
  expect(pid: number): void {
    this.ending.add(pid);
    this.tryToReap(pid);
  }

  close(): void {
    process.off('SIGCHLD', this.look);
  }

  private tryToReap(pid: number): void {
    const result = reap(pid);
    if (result === 'running') return;
    this.ending.delete(pid);
    if (result !== 'gone') this.died({ pid, ...result });
  }
}
