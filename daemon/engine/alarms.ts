/** What the engine does later, by its own clock: starting again, looking after health. All of it is called off when the daemon ends. */

/** setTimeout takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

interface Pending {
  timer: NodeJS.Timeout | undefined;
}

export class Alarms {
  private readonly pending = new Set<Pending>();
  private closed = false;

  /** Calls `work`, which does not throw, after so many milliseconds; returns what calls it off. A closed one never does. */
  after(milliseconds: number, work: () => void): () => void {
    const entry: Pending = { timer: undefined };
    if (this.closed) return () => undefined;
    this.pending.add(entry);
    this.arm(entry, milliseconds, work);
    return () => {
      clearTimeout(entry.timer);
      this.pending.delete(entry);
    };
  }

  close(): void {
    this.closed = true;
    for (const { timer } of this.pending) clearTimeout(timer);
    this.pending.clear();
  }

  private arm(entry: Pending, milliseconds: number, work: () => void): void {
    const now = Math.min(milliseconds, LONGEST_TIMER);
    entry.timer = setTimeout(() => {
      if (milliseconds > now) {
        this.arm(entry, milliseconds - now, work);
        return;
      }
      this.pending.delete(entry);
      work();
    }, now);
  }
}
