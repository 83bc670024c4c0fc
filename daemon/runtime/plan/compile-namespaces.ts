/** `linux.namespaces`: which are new at clone, which are joined, and what a new one needs. */
import type { HostFacts } from '../host-facts.ts';
import { SpecError } from '../spec/error.ts';
import type { IdMapping, NamespaceType, Spec } from '../spec/types.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Operation } from './operations.ts';

export interface Namespaces {
  /** Without a path: made for this container. */
  readonly fresh: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlyMap<NamespaceType, string>;
  /** Init is not in the host's user namespace. */
  readonly user: boolean;
  /** Mounts are the container's alone (`own`), made in a namespace that others are in too (`joined`), or the host's (`host`). */
  readonly mounts: 'own' | 'joined' | 'host';
}

/**
 * A time namespace takes effect for children, and a cgroup namespace shows the groups of who made it: init makes these
 * two itself, time_namespaces(7) and cgroup_namespaces(7).
 */
const MADE_BY_INIT: ReadonlySet<NamespaceType> = new Set(['time', 'cgroup']);

/**
 * Those that are joined before there is a child: a pid namespace takes effect for children; and once init is in another
 * user namespace it has no rights over namespaces of the host's any more, setns(2). Init enters the others itself, which
 * takes a process less.
 */
function isJoinedAtBirth(type: NamespaceType, user: boolean): boolean {
  return type !== 'mount' && (user || type === 'pid');
}

export function namespacesOf(spec: Spec, host: HostFacts): Namespaces {
  const fresh = new Set<NamespaceType>();
  const joined = new Map<NamespaceType, string>();
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (path === undefined) fresh.add(type);
    else joined.set(type, path);
  }
  const mount = joined.get('mount');
  const isForeign = mount !== undefined && !host.isOwnNamespace('mount', mount);
  return {
    fresh,
    joined,
    user: fresh.has('user') || joined.has('user'),
    mounts: fresh.has('mount') ? 'own' : isForeign ? 'joined' : 'host',
  };
}

/** CLONE_NEW* of all namespaces that init does not share with the host: what an exec joins (ExecTarget.namespaces). */
export function namespaceFlags(spec: Spec): number {
  return (spec.linux?.namespaces ?? []).reduce((flags, { type }) => flags | CLONE_FLAGS[type], 0);
}

/** Refuses what cannot work, by the name of its field. */
export function checkNamespaces({ user, mounts }: Namespaces): void {
  if (!user || mounts === 'own') return;
  const problem = 'a user namespace needs a new mount namespace beside it: in no other could anything be mounted';
  throw new SpecError('linux.namespaces', problem, 'unsupported');
}

/** Before and including `clone`; `fresh` user namespaces get their maps after it, see writeIdMaps. */
export function cloneOperations({ fresh, joined, user }: Namespaces): Operation[] {
  let flags = 0;
  for (const type of fresh) if (!MADE_BY_INIT.has(type)) flags |= CLONE_FLAGS[type];
  const births = [...joined].filter(([type]) => isJoinedAtBirth(type, user));
  return [
    ...births.map(([type, host]): Operation => ({ op: 'birth_namespace', type: CLONE_FLAGS[type], host })),
    { op: 'clone', flags },
  ];
}

function mapText(lines: readonly IdMapping[]): string {
  return lines
    .map(({ containerID, hostID, size }) => `${String(containerID)} ${String(hostID)} ${String(size)}\n`)
    .join('');
}

/** The shim's, after `clone`. It is root on the host, so setgroups need not be denied, user_namespaces(7). */
export function writeIdMaps(maps: {
  uidMappings?: readonly IdMapping[];
  gidMappings?: readonly IdMapping[];
}): Operation[] {
  return [
    { op: 'gid_map', map: mapText(maps.gidMappings ?? []), deny_setgroups: 0 },
    { op: 'uid_map', map: mapText(maps.uidMappings ?? []) },
  ];
}

/** Init's, first of all but `await_settled` and `become_root`; the cgroup namespace comes later, with its mounts. */
export function enterNamespaces(spec: Spec, { fresh, joined, user }: Namespaces): Operation[] {
  const operations: Operation[] = [];
  for (const [type, host] of joined) {
    if (!isJoinedAtBirth(type, user)) operations.push({ op: 'namespace_join', type: CLONE_FLAGS[type], host });
  }
  if (fresh.has('time')) {
    const lines = (['monotonic', 'boottime'] as const).map((clock) => {
      const { secs = 0, nanosecs = 0 } = spec.linux?.timeOffsets?.[clock] ?? {};
      return `${clock} ${String(secs)} ${String(nanosecs)}\n`;
    });
    operations.push({ op: 'time_namespace', offsets: lines.join('') });
  }
  if (fresh.has('network')) operations.push({ op: 'loopback_up' });
  return operations;
}
