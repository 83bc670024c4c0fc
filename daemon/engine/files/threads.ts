/**
 * The threads that work on containers' files. Each has one job at a time, and a job may last for as long as its client
 * likes: so there is a thread for each, up to a number, and those that have nothing to do end after a while.
 */
import { availableParallelism } from 'node:os';
import type { Job } from './jobs.ts';
import { Thread, type Working } from './thread.ts';

/** Copies often follow each other; a thread takes 30 ms to start, and some megabytes while it is there. */
const IDLE_MS = 5000;
/** Most of them wait for their clients. */
const MOST = Math.max(16, 4 * availableParallelism());

export class FileThreads {
  private readonly idle: { readonly thread: Thread; readonly timer: NodeJS.Timeout }[] = [];
  private readonly busy = new Map<Thread, Working>();
  private readonly waiting: (() => void)[] = [];
  private closedBy: { readonly reason: Error } | undefined;

  /**
   * Begins the job when there is a thread for it. `signal` ends it, with its reason, also while it waits.
   *
   * @param upload - what the job takes
   */
  async begin(job: Job, signal: AbortSignal, upload?: AsyncIterable<Uint8Array>): Promise<Working> {
    const thread = await this.acquire(signal);
    const work = thread.begin(job, upload);
    this.busy.set(thread, work);
    const onAbort = (): void => work.stop(signal.reason);
    signal.addEventListener('abort', onAbort);
    const over = (): void => {
      signal.removeEventListener('abort', onAbort);
      this.release(thread);
    };
    work.done.then(over, over);
    return work;
  }

  /** Stops what is under way and waits for its end. */
  async close(reason: Error): Promise<void> {
    this.closedBy = { reason };
    for (const wake of this.waiting.splice(0)) wake();
    const works = [...this.busy.values()];
    for (const work of works) work.stop(reason);
    await Promise.allSettled(works.map(({ done }) => done));
    const ended = this.idle.splice(0).map(({ thread, timer }) => {
      clearTimeout(timer);
      return thread.end();
    });
    await Promise.all(ended);
  }

  private async acquire(signal: AbortSignal): Promise<Thread> {
    signal.throwIfAborted();
    this.checkOpen();
    while (this.busy.size >= MOST) {
      await this.turn(signal);
      signal.throwIfAborted();
      this.checkOpen();
    }
    const rested = this.idle.pop();
    clearTimeout(rested?.timer);
    return rested === undefined || rested.thread.dead ? new Thread() : rested.thread;
  }

  private checkOpen(): void {
    if (this.closedBy !== undefined) throw this.closedBy.reason;
  }

  /** Until a thread may be free, or the signal is aborted. */
  private async turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => resolve(undefined);
    this.waiting.push(wake);
    signal.addEventListener('abort', wake);
    await promise;
    signal.removeEventListener('abort', wake);
    const at = this.waiting.indexOf(wake);
    if (at !== -1) this.waiting.splice(at, 1);
    else if (signal.aborted) this.waiting.shift()?.();
  }

  private release(thread: Thread): void {
    this.busy.delete(thread);
    if (thread.dead || this.closedBy !== undefined) void thread.end();
    else {
      thread.rest();
      const timer = setTimeout(() => this.retire(thread), IDLE_MS).unref();
      this.idle.push({ thread, timer });
    }
    this.waiting.shift()?.();
  }

  private retire(thread: Thread): void {
    const at = this.idle.findIndex((each) => each.thread === thread);
    if (at !== -1) this.idle.splice(at, 1);
    void thread.end();
  }
}
