/** Parsed specs of the containers asked for last: each exec needs that of its container, twice. Nobody changes one. */
import type { Spec } from '../runtime/spec/types.ts';

export const SPECS_KEPT = 8;

export class SpecCache {
  private readonly specs = new Map<string, Spec>();

  get(id: string): Spec | undefined {
    return this.specs.get(id);
  }

  /** The oldest goes. */
  keep(id: string, spec: Spec): void {
    this.specs.delete(id);
    this.specs.set(id, spec);
    const [oldest] = this.specs.keys();
    if (this.specs.size > SPECS_KEPT && oldest !== undefined) this.specs.delete(oldest);
  }

  /** It is another now, or none. */
  drop(id: string): void {
    this.specs.delete(id);
  }
}
