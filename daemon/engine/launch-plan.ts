/** The launch plan of a container: compiled at create, again where it is no longer kept. */
import { HOOK_KINDS, hooksOf } from '../runtime/hooks/hooks.ts';
import { compileStart } from '../runtime/plan/compile-start.ts';
import { encodePlan } from '../runtime/plan/encode.ts';
import { idMapsNeeded } from '../runtime/plan/id-maps.ts';
import type { RootSource } from '../runtime/plan/target.ts';
import { parseJson } from '../runtime/spec/json.ts';
import type { Spec } from '../runtime/spec/types.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { documentsOf } from './inspect.ts';
import { requestError } from './spec-error.ts';

export interface Launchable {
  readonly spec: Spec;
  readonly root: RootSource;
  readonly bundle: string;
}

/** What a start needs: its plan alone, or the spec of one that others act on while it is under way (staged-start.ts). */
export type Launch = { readonly plan: Uint8Array } | { readonly staged: Launchable };

/** A user namespace that is there; which one does not matter where a plan is only tried. */
const ANY_USER_NAMESPACE = '/proc/self/ns/user';

/** Neither hooks nor network devices nor id-mapped mounts: init goes through its plan in one go. */
export function isPlain({ spec }: Launchable): boolean {
  return (
    HOOK_KINDS.every((kind) => hooksOf(spec.hooks, kind).length === 0) &&
    Object.keys(spec.linux?.netDevices ?? {}).length === 0 &&
    idMapsNeeded(spec).length === 0
  );
}

/**
 * The plan, encoded. Throws EngineError for what this host cannot do.
 *
 * @param idMaps - the user namespace of each id-mapped mount (StartTarget.idMaps)
 */
export function compilePlan(
  context: Context,
  id: string,
  { spec, root, bundle }: Launchable,
  idMaps: ReadonlyMap<number, string> = new Map(),
): Uint8Array {
  try {
    const plan = compileStart(spec, {
      root,
      mountPoint: context.places.mountPoint,
      cgroupPath: context.places.cgroup(id),
      cgroups: context.cgroups,
      host: context.hostFacts,
      bundle,
      awaitGo: hooksOf(spec.hooks, 'startContainer').length > 0,
      noPivot: false,
      newKeyring: true,
      seccomp: context.seccomp,
      id,
      idMaps,
    });
    return encodePlan(plan);
  } catch (error) {
    throw requestError(error);
  }
}

/** Compiles it to learn whether it can be done. Undefined where a start takes more than its plan, which then is compiled anew. */
export function tryPlan(context: Context, id: string, launchable: Launchable): Uint8Array | undefined {
  const mounts = idMapsNeeded(launchable.spec).flatMap((holder) => holder.mounts);
  const plan = compilePlan(context, id, launchable, new Map(mounts.map((mount) => [mount, ANY_USER_NAMESPACE])));
  return isPlain(launchable) ? plan : undefined;
}

/** Takes the kept plan, or goes by what the registry holds. */
export function launchOf(context: Context, container: Container): Launch {
  const kept = context.plans.take(container.id);
  if (kept !== undefined) return { plan: kept };
  const launchable = launchableOf(context, container);
  return isPlain(launchable) ? { plan: compilePlan(context, container.id, launchable) } : { staged: launchable };
}

export function launchableOf(context: Context, container: Container): Launchable {
  const { root, bundle } = documentsOf(context, container);
  return { spec: specOf(context, container), root: JSON.parse(root) as RootSource, bundle };
}

/** The spec that is run, which was validated before it was recorded. */
export function specOf(context: Context, container: Container): Spec {
  const kept = context.specs.get(container.id);
  if (kept !== undefined) return kept;
  const spec = parseJson(documentsOf(context, container).spec, 'config.json') as Spec;
  context.specs.keep(container.id, spec);
  return spec;
}
