/** Queues by key: work for one key is done one after the other, for different keys side by side. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  /** True while something runs or waits. */
  isTaken(key: string): boolean {
    return this.last.has(key);
  }

  /**
   * Runs `work` when all that was asked before for `key` is over, whatever came of it. The place in the queue is taken
   * at once. Whoever `signal` makes give up before it is their turn is rejected with its reason, and the work not done.
   */
  async run<T>(key: string, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.last.get(key);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const mine = Promise.all([before, promise]);
    this.last.set(key, mine);
    void mine.then(() => {
      if (this.last.get(key) === mine) this.last.delete(key);
    });
    try {
      if (before !== undefined) await untilAborted(before, signal);
      signal?.throwIfAborted();
      return await work();
    } finally {
      resolve(undefined);
    }
  }
}

/** `awaited` never rejects. */
async function untilAborted(awaited: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await awaited;
    return;
  }
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const wake = (): void => resolve(undefined);
  signal.addEventListener('abort', wake);
  try {
    await Promise.race([awaited, promise]);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', wake);
  }
}
