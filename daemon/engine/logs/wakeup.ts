/** Wakes a reader that waits: the log's directory changed, the container ended, time is up, the caller gave up. */
import { watch, type FSWatcher } from 'node:fs';

/** ms; what Node's timers can wait. */
const LONGEST_TIMER = 0x7fff_ffff;

export class Wakeup {
  private rung = false;
  private waiter: (() => void) | undefined;
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly undo: (() => void)[] = [];
  readonly ring = (): void => {
    this.rung = true;
    const waiter = this.waiter;
    this.waiter = undefined;
    waiter?.();
  };

  /** False: there is no such directory. */
  watchDirectory(path: string): boolean {
    try {
      this.watcher = watch(path, { persistent: false }, this.ring);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    // the directory was removed: the reader finds that out by itself
    this.watcher.on('error', this.ring);
    return true;
  }

  /** `subscribe` is given the callback and returns what undoes it. */
  on(subscribe: (callback: () => void) => () => void): void {
    this.undo.push(subscribe(this.ring));
  }

  /** In place of the time given before. */
  after(ms: number): void {
    clearTimeout(this.timer);
    const part = Math.min(ms, LONGEST_TIMER);
    this.timer = setTimeout(() => {
      if (part < ms) this.after(ms - part);
      else this.ring();
    }, part);
  }

  /** Resolves when rung since the last time it resolved. */
  async wait(): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        this.waiter = resolve;
      });
    }
    this.rung = false;
  }

  close(): void {
    this.watcher?.close();
    clearTimeout(this.timer);
    for (const each of this.undo) each();
  }
}
