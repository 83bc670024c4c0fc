/** Compiled launch plans, encoded, for the starts to come; bounded, the one used longest ago goes first. */
export const PLANS_KEPT = 64;
const BYTES_KEPT = 4 * 1024 * 1024;

export class PlanCache {
  private readonly plans = new Map<string, Uint8Array>();
  private bytes = 0;

  /** The plan kept for the container, which is then no longer kept. */
  take(id: string): Uint8Array | undefined {
    const plan = this.plans.get(id);
    this.drop(id);
    return plan;
  }

  keep(id: string, plan: Uint8Array): void {
    this.drop(id);
    // a copy of its own size: the encoder's buffer may be larger, and shared
    this.plans.set(id, Uint8Array.from(plan));
    this.bytes += plan.length;
    for (const oldest of this.plans.keys()) {
      if (this.plans.size <= PLANS_KEPT && this.bytes <= BYTES_KEPT) break;
      this.drop(oldest);
    }
  }

  drop(id: string): void {
    const plan = this.plans.get(id);
    if (plan === undefined) return;
    this.bytes -= plan.length;
    this.plans.delete(id);
  }
}
