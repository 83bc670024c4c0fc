/** Compiled launch plans, encoded, for the starts to come; bounded, the one used longest ago goes first. */
export const PLANS_KEPT = 64;
const BYTES_KEPT = 4 * 1024 * 1024;

export interface KeptPlan {
  readonly plan: Uint8Array;
  /** Others act on the container while it starts (launch-plan.ts). */
  readonly isStaged: boolean;
  /** Of Launch. */
  readonly takesNetwork: boolean;
}

export class PlanCache {
  private readonly plans = new Map<string, KeptPlan>();
  private bytes = 0;

  /** The plan kept for the container, which is then no longer kept. */
  take(id: string): KeptPlan | undefined {
    const kept = this.plans.get(id);
    this.drop(id);
    return kept;
  }

  keep(id: string, { plan, ...about }: KeptPlan): void {
    this.drop(id);
    // a copy of its own size: the encoder's buffer may be larger, and shared
    this.plans.set(id, { plan: Uint8Array.from(plan), ...about });
    this.bytes += plan.length;
    for (const oldest of this.plans.keys()) {
      if (this.plans.size <= PLANS_KEPT && this.bytes <= BYTES_KEPT) break;
      this.drop(oldest);
    }
  }

  drop(id: string): void {
    const kept = this.plans.get(id);
    if (kept === undefined) return;
    this.bytes -= kept.plan.length;
    this.plans.delete(id);
  }
}
