/** So much at a time; the others wait, first come first served. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  /** Throws the signal's reason where it is aborted before `work` begins, and what `work` throws. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.free > 0) this.free--;
    else await this.turn(signal);
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }

  /** Resolves with the slot of somebody who is done. */
  private turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const take = (): void => {
      signal.removeEventListener('abort', leave);
      resolve(undefined);
    };
    const leave = (): void => {
      this.waiting.splice(this.waiting.indexOf(take), 1);
      reject(signal.reason);
    };
    this.waiting.push(take);
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }
}
