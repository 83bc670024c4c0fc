/** The launch plan of a container: compiled at create, again where it is no longer kept. */
import { compileStart } from '../runtime/plan/compile-start.ts';
import { encodePlan } from '../runtime/plan/encode.ts';
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

/** The plan, encoded. Throws EngineError for what this host cannot do. */
export function compilePlan(context: Context, id: string, { spec, root, bundle }: Launchable): Uint8Array {
  try {
    const plan = compileStart(spec, {
      root,
      mountPoint: context.places.mountPoint,
      cgroupPath: context.places.cgroup(id),
      cgroups: context.cgroups,
      bundle,
      awaitGo: false,
      noPivot: false,
      newKeyring: true,
      seccomp: context.seccomp,
      id,
    });
    return encodePlan(plan);
  } catch (error) {
    throw requestError(error);
  }
}

/** Takes the kept plan, or compiles it from what the registry holds. */
export function planOf(context: Context, container: Container): Uint8Array {
  const kept = context.plans.take(container.id);
  if (kept !== undefined) return kept;
  const { root, bundle } = documentsOf(context, container);
  return compilePlan(context, container.id, {
    spec: specOf(context, container),
    root: JSON.parse(root) as RootSource,
    bundle,
  });
}

/** The spec that is run, which was validated before it was recorded. */
export function specOf(context: Context, container: Container): Spec {
  return parseJson(documentsOf(context, container).spec, 'config.json') as Spec;
}
