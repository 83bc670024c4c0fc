/** Builds that are under way. At the end of the daemon they end first, with their containers. */

export class Builds {
  private readonly closing = new AbortController();
  private readonly running = new Set<Promise<unknown>>();

  /** `work` is to end soon after its signal is aborted. Throws what it throws, and the reason of close(). */
  async run<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const either = AbortSignal.any([this.closing.signal, signal]);
    either.throwIfAborted();
    const done = work(either);
    this.running.add(done);
    try {
      return await done;
    } finally {
      this.running.delete(done);
    }
  }

  /** Resolves when nothing of them is left. */
  async close(reason: Error): Promise<void> {
    this.closing.abort(reason);
    await Promise.allSettled(this.running);
  }
}
