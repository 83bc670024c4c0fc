/** Links that have ceased to be, told together where many cease at once, and those who wait for one to. */

type Told = (names: readonly string[]) => void;

export class GoneLinks {
  private readonly tell: Told;
  private names = new Set<string>();
  private readonly waiting = new Set<Told>();

  constructor(tell: Told) {
    this.tell = tell;
  }

  /** Those of one turn of the event loop are told together. */
  add(name: string): void {
    if (this.names.size === 0) {
      setImmediate(() => {
        const names = [...this.names];
        this.names = new Set();
        this.tell(names);
        for (const told of [...this.waiting]) told(names);
      });
    }
    this.names.add(name);
  }

  /** Resolves when the link is gone and everybody was told, or after so long. */
  async until(name: string, milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const told: Told = (names) => {
      if (names.includes(name)) resolve(undefined);
    };
    const timer = setTimeout(resolve, milliseconds, undefined);
    this.waiting.add(told);
    await promise;
    clearTimeout(timer);
    this.waiting.delete(told);
  }
}
