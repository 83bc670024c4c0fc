/** Execs between their creation and their start, ready to be started; bounded, the oldest goes and is made again. */
import type { ExecProcess } from './process.ts';

const KEPT = 64;

export class PreparedExecs {
  private readonly prepared = new Map<string, ExecProcess>();

  keep(exec: string, process: ExecProcess): void {
    this.prepared.set(exec, process);
    const [oldest] = this.prepared.keys();
    if (this.prepared.size > KEPT && oldest !== undefined) this.prepared.delete(oldest);
  }

  /** What was kept, which then is no longer kept: an exec starts once. */
  take(exec: string): ExecProcess | undefined {
    const found = this.prepared.get(exec);
    this.prepared.delete(exec);
    return found;
  }
}
