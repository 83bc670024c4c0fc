/** `linux.namespaces`: which are new at clone, which are joined, and what a new one needs. */
import { SpecError } from '../spec/error.ts';
import type { IdMapping, Linux, NamespaceType, Spec } from '../spec/types.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Operation } from './operations.ts';

export interface Namespaces {
  /** Without a path: made for this container. */
  readonly fresh: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlyMap<NamespaceType, string>;
}

/**
 * A time namespace takes effect for children, and a cgroup namespace shows the groups of who made it: init makes these
 * two itself, time_namespaces(7) and cgroup_namespaces(7).
 */
const MADE_BY_INIT: ReadonlySet<NamespaceType> = new Set(['time', 'cgroup']);

export function namespacesOf(spec: Spec): Namespaces {
  const fresh = new Set<NamespaceType>();
  const joined = new Map<NamespaceType, string>();
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (path === undefined) fresh.add(type);
    else joined.set(type, path);
  }
  return { fresh, joined };
}

/** CLONE_NEW* of all namespaces that init does not share with the host: what an exec joins (ExecTarget.namespaces). */
export function namespaceFlags(spec: Spec): number {
  return (spec.linux?.namespaces ?? []).reduce((flags, { type }) => flags | CLONE_FLAGS[type], 0);
}

/** Refuses what cannot work, by the name of its field. */
export function checkNamespaces(spec: Spec, { fresh, joined }: Namespaces): void {
  if (!fresh.has('mount')) {
    throw new SpecError(
      'linux.namespaces',
      'lacks a mount namespace; a container without one is not supported',
      'unsupported',
    );
  }
  if (!fresh.has('user')) return;
  const index = spec.linux?.namespaces?.findIndex(({ path }) => path !== undefined) ?? -1;
  if (joined.size > 0) {
    throw new SpecError(
      `linux.namespaces[${String(index)}].path`,
      'cannot be joined out of a new user namespace',
      'unsupported',
    );
  }
}

/** Before and including `clone`; `fresh` user namespaces get their maps after it, see idMapOperations. */
export function cloneOperations({ fresh, joined }: Namespaces): Operation[] {
  let flags = 0;
  for (const type of fresh) if (!MADE_BY_INIT.has(type)) flags |= CLONE_FLAGS[type];
  const pid = joined.get('pid');
  const clone: Operation = { op: 'clone', flags };
  return pid === undefined ? [clone] : [{ op: 'pid_namespace_join', host: pid }, clone];
}

function mapText(lines: readonly IdMapping[]): string {
  return lines
    .map(({ containerID, hostID, size }) => `${String(containerID)} ${String(hostID)} ${String(size)}\n`)
    .join('');
}

/** The shim's, after `clone`. It is root on the host, so setgroups need not be denied, user_namespaces(7). */
export function idMapOperations(linux: Linux | undefined, { fresh }: Namespaces): Operation[] {
  if (!fresh.has('user')) return [];
  return [
    { op: 'gid_map', map: mapText(linux?.gidMappings ?? []), deny_setgroups: 0 },
    { op: 'uid_map', map: mapText(linux?.uidMappings ?? []) },
  ];
}

/** Init's, first of all but `await_settled` and `become_root`; the cgroup namespace comes later, with its mounts. */
export function enterNamespaces(spec: Spec, { fresh, joined }: Namespaces): Operation[] {
  const operations: Operation[] = [];
  for (const [type, host] of joined) {
    if (type !== 'pid') operations.push({ op: 'namespace_join', type: CLONE_FLAGS[type], host });
  }
  if (fresh.has('time')) {
    const { monotonic, boottime } = spec.linux?.timeOffsets ?? {};
    operations.push({
      op: 'time_namespace',
      monotonic_seconds: monotonic?.secs ?? 0,
      monotonic_nanoseconds: monotonic?.nanosecs ?? 0,
      boottime_seconds: boottime?.secs ?? 0,
      boottime_nanoseconds: boottime?.nanosecs ?? 0,
    });
  }
  if (fresh.has('network')) operations.push({ op: 'loopback_up' });
  return operations;
}
