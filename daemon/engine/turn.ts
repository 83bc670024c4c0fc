/** A queue for one container: its verbs run one after the other, those of different containers side by side. */
export class Turn {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** True while something runs or waits. */
  get taken(): boolean {
    return this.waiting > 0;
  }

  /** Runs `work` when all that was asked before is over, whatever came of it. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    const before = this.last;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    // set before the work begins, which may itself ask for a further turn
    this.last = promise;
    this.waiting += 1;
    try {
      // with nobody in front no turn of the event loop is lost
      if (this.waiting > 1) await before;
      return await work();
    } finally {
      this.waiting -= 1;
      resolve(undefined);
    }
  }
}
