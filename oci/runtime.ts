/** What commands share that is not said on the command line. The one place where these parts are made. */
import { probeCgroups, type CgroupHost } from '../daemon/runtime/cgroups/host.ts';
import type { Plan } from '../daemon/runtime/plan/operations.ts';
import type { AttendedOptions } from '../daemon/shim/attended.ts';

/** What a plan is for: the container's init, a process joining it, a hook inside of it, or the holder of a user namespace. */
export type PlanPurpose = 'init' | 'exec' | 'hook' | 'holder';

export interface Runtime {
  /** The shim's binary, and how it is made unchangeable before it is run. */
  readonly shim: Pick<AttendedOptions, 'program' | 'copy'>;
  /** The control groups of this host, looked at once. */
  readonly cgroups: () => CgroupHost;
  /** Has the last word on every plan before it is run. */
  readonly transformPlan: (plan: Plan, purpose: PlanPurpose) => Plan;
}

export function createRuntime(parts: Pick<Runtime, 'shim'> & Partial<Runtime>): Runtime {
  let cgroups: CgroupHost | undefined;
  return {
    shim: parts.shim,
    cgroups: parts.cgroups ?? (() => (cgroups ??= probeCgroups())),
    transformPlan: parts.transformPlan ?? ((plan) => plan),
  };
}
