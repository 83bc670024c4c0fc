/** The launch plan of a container: compiled at create, again where it is no longer kept. */
import type { CgroupHost } from '../runtime/cgroups/host.ts';
import { HOOK_KINDS, hooksOf } from '../runtime/hooks/hooks.ts';
import { compileStart } from '../runtime/plan/compile-start.ts';
import { encodePlan } from '../runtime/plan/encode.ts';
import { idMapsNeeded } from '../runtime/plan/id-maps.ts';
import { parseJson } from '../runtime/spec/json.ts';
import type { MountSource, Secret } from '../runtime/plan/target.ts';
import type { NamespaceType, Spec } from '../runtime/spec/types.ts';
import type { Networking } from '../registry/containers.ts';
import { cgroupOf, isPlaced } from './cgroup-parent.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { parseMode } from './endpoints/mode.ts';
import type { MadeOf } from './from-image/made-of.ts';
import { documentsOf } from './inspect.ts';
import type { KeptPlan } from './plans.ts';
import { emptySecrets } from './secrets/secrets.ts';
import { requestError } from './spec-error.ts';

export interface Launchable {
  readonly spec: Spec;
  readonly root: MadeOf;
  readonly bundle: string;
  readonly network: Networking;
}

/** What a start needs. */
export interface Launch {
  /** undefined: it names what is known only while the container starts, and is compiled then. */
  readonly plan: Uint8Array | undefined;
  /** Of a start in which others act on the container by its spec (staged-start.ts). */
  readonly staged: Launchable | undefined;
  /** Init is born in the new network namespace that its shim was started in (takes_network of the shim). */
  readonly takesNetwork: boolean;
}

/** What only a start knows, and a plan may need. */
export interface Known {
  /** The user namespace of each id-mapped mount (StartTarget.idMaps). */
  readonly idMaps?: ReadonlyMap<number, string>;
  /** Those that are joined: by path, in place of what the spec says. */
  readonly namespaces?: ReadonlyMap<NamespaceType, string>;
  /** The mount namespace of the container whose /dev/shm is shared. */
  readonly sharedMemory?: string;
  /** Default: with nothing in them. */
  readonly secrets?: readonly Secret[];
  /** The host as the container's groups find it, where they lie below somebody else's. */
  readonly cgroups?: CgroupHost;
}

/** A user namespace that is there; which one does not matter where a plan is only tried. */
const ANY_USER_NAMESPACE = '/proc/self/ns/user';
const ANY_MOUNT_NAMESPACE = '/proc/self/ns/mnt';

/** Init has to wait for what is made in its network namespace from outside, or bound to a path. */
export function waitsForNetwork({ mode, interfaces = [], pins = {} }: Networking): boolean {
  return mode === 'bridge' || interfaces.length > 0 || Object.keys(pins).length > 0;
}

/** A user namespace of its own is to own the network namespace: then init makes it. */
function takesNetwork({ spec }: Launchable): boolean {
  const { namespaces = [] } = spec.linux ?? {};
  const isNew = namespaces.some(({ type, path }) => type === 'network' && path === undefined);
  return isNew && !namespaces.some(({ type }) => type === 'user');
}

/** Its plan can be compiled before it starts. */
function isCompiledAhead(context: Context, id: string, { spec, root, network }: Launchable): boolean {
  if (isPlaced(context, id)) return false;
  if (root.joins !== undefined || root.secrets !== undefined) return false;
  return idMapsNeeded(spec).length === 0 && parseMode(network.mode).is !== 'container';
}

/** Hooks, or network devices of the host: the spec is needed while it starts. */
function isActedOn({ spec }: Launchable): boolean {
  return (
    HOOK_KINDS.some((kind) => hooksOf(spec.hooks, kind).length > 0) ||
    Object.keys(spec.linux?.netDevices ?? {}).length > 0
  );
}

/** The plan, encoded. Throws EngineError for what this host cannot do. */
export function compilePlan(context: Context, id: string, launchable: Launchable, known: Known = {}): Uint8Array {
  const { root, bundle, network } = launchable;
  const spec = known.namespaces === undefined ? launchable.spec : joining(launchable.spec, known.namespaces);
  const sources = [...(root.sources ?? []), ...sharedMemory(context, root, known)];
  try {
    const plan = compileStart(spec, {
      root,
      sources,
      ...(root.secrets === undefined ? {} : { secrets: known.secrets ?? emptySecrets(root.secrets) }),
      makeWorkingDirectory: root.image !== undefined,
      reaper: root.init === true,
      mountPoint: context.places.mountPoint,
      cgroupPath: cgroupOf(context, id),
      cgroups: known.cgroups ?? context.cgroups,
      host: context.hostFacts,
      bundle,
      awaitGo: hooksOf(spec.hooks, 'startContainer').length > 0,
      stops: { runtime: waitsForNetwork(network), container: false },
      noPivot: false,
      newKeyring: true,
      seccomp: context.seccomp,
      id,
      idMaps: known.idMaps ?? new Map<number, string>(),
    });
    return encodePlan(plan);
  } catch (error) {
    throw requestError(error);
  }
}

function joining(spec: Spec, paths: ReadonlyMap<NamespaceType, string>): Spec {
  const namespaces = (spec.linux?.namespaces ?? []).map((namespace) => {
    const path = paths.get(namespace.type);
    return path === undefined ? namespace : { ...namespace, path };
  });
  return { ...spec, linux: { ...spec.linux, namespaces } };
}

/** What the bind at /dev/shm is made of, where that is another container's. */
function sharedMemory({ places }: Context, { joins }: MadeOf, known: Known): MountSource[] {
  if (joins?.ipc === undefined) return [];
  const path = '/dev/shm';
  const source = places.joinedNamespace(joins.ipc, 'shm');
  return [{ destination: path, source, kind: 'joined', namespace: known.sharedMemory ?? ANY_MOUNT_NAMESPACE, path }];
}

/** Compiles it to learn whether it can be done. Undefined where a start has to compile it anew. */
export function tryPlan(context: Context, id: string, launchable: Launchable): KeptPlan | undefined {
  const mounts = idMapsNeeded(launchable.spec).flatMap((holder) => holder.mounts);
  const idMaps = new Map(mounts.map((mount) => [mount, ANY_USER_NAMESPACE]));
  const plan = compilePlan(context, id, launchable, { idMaps });
  if (!isCompiledAhead(context, id, launchable)) return undefined;
  return { plan, isStaged: isActedOn(launchable), takesNetwork: takesNetwork(launchable) };
}

/** Takes the kept plan, or goes by what the registry holds. */
export function launchOf(context: Context, container: Container): Launch {
  const kept = context.plans.take(container.id);
  if (kept?.isStaged === false) return { ...kept, staged: undefined };
  const launchable = launchableOf(context, container);
  const about = { takesNetwork: takesNetwork(launchable) };
  if (!isCompiledAhead(context, container.id, launchable)) return { ...about, plan: undefined, staged: launchable };
  const plan = kept?.plan ?? compilePlan(context, container.id, launchable);
  return { ...about, plan, staged: isActedOn(launchable) ? launchable : undefined };
}

export function launchableOf(context: Context, container: Container): Launchable {
  const { root, bundle } = documentsOf(context, container);
  const { network } = container.row;
  return { spec: specOf(context, container), root: JSON.parse(root) as MadeOf, bundle, network };
}

/** The spec that is run, which was validated before it was recorded. */
export function specOf(context: Context, container: Container): Spec {
  const kept = context.specs.get(container.id);
  if (kept !== undefined) return kept;
  const spec = parseJson(documentsOf(context, container).spec, 'config.json') as Spec;
  context.specs.keep(container.id, spec);
  return spec;
}
