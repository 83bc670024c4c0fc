/** `process`: from the root of a new mount namespace to the user's program. */
import { capabilityMask, withinBoundingSet } from '../capabilities.ts';
import type { HostFacts } from '../host-facts.ts';
import { mergeEnv } from '../spec/default-spec.ts';
import { SpecError } from '../spec/error.ts';
import { RLIMITS } from '../spec/rlimits.ts';
import { sysctlNamespace, sysctlPath } from '../spec/sysctl.ts';
import type { Process, Spec } from '../spec/types.ts';
import { compileKeyring, compileLabels } from './compile-labels.ts';
import type { Namespaces } from './compile-namespaces.ts';
import { compileScheduling } from './compile-scheduling.ts';
import type { Operation } from './operations.ts';

/** What a shell's user has, umask(2); also where the shim was started with another. */
const UMASK = 0o022;

/** @throws SpecError where the namespace that is joined is the host's */
function sysctl(key: string, value: string, { joined }: Namespaces, host: HostFacts): Operation {
  const field = `linux.sysctl.${key}`;
  const path = sysctlPath(key);
  if (path === undefined) throw new SpecError(field, 'is not the name of a kernel parameter');
  const type = sysctlNamespace(path);
  const namespace = type === undefined ? undefined : joined.get(type);
  if (type !== undefined && namespace !== undefined && host.isOwnNamespace(type, namespace)) {
    throw new SpecError(field, `${namespace} is the host's own namespace`, 'unsupported');
  }
  return { op: 'sysctl', key: path, value };
}

/** What the namespaces of a new container are told. */
export function compileIdentity(spec: Spec, namespaces: Namespaces, host: HostFacts): Operation[] {
  const settings = Object.entries(spec.linux?.sysctl ?? {});
  const operations = settings.map(([key, value]) => sysctl(key, value, namespaces, host));
  if (spec.hostname !== undefined && spec.hostname !== '') operations.push({ op: 'hostname', name: spec.hostname });
  if (spec.domainname !== undefined && spec.domainname !== '') {
    operations.push({ op: 'domainname', name: spec.domainname });
  }
  return operations;
}

/** The shim's, after `clone`: lowering it is for host root, proc_pid_oom_score_adj(5). */
export function compileOomScore(wanted: Process): Operation[] {
  return wanted.oomScoreAdj === undefined ? [] : [{ op: 'oom_score_adj', value: String(wanted.oomScoreAdj) }];
}

function rlimits(wanted: Process, field: string): Operation[] {
  return (wanted.rlimits ?? []).map(({ type, soft, hard }, index) => {
    const resource = RLIMITS.get(type);
    if (resource === undefined) throw new SpecError(`${field}.rlimits[${String(index)}].type`, `"${type}" is unknown`);
    return { op: 'rlimit', resource, soft, hard };
  });
}

/** Sets that are not named are empty; so are all of them where `capabilities` is missing. */
function credentials(wanted: Process): Operation[] {
  const { uid, gid, additionalGids = [] } = wanted.user ?? { uid: 0, gid: 0 };
  const { bounding = [], effective = [], permitted = [], inheritable = [], ambient = [] } = wanted.capabilities ?? {};
  return [
    { op: 'bounding_set', capabilities: capabilityMask(bounding) },
    { op: 'user', uid, gid, groups: additionalGids },
    {
      op: 'capabilities',
      effective: capabilityMask(effective),
      permitted: capabilityMask(permitted),
      inheritable: capabilityMask(inheritable),
      ambient: capabilityMask(ambient),
    },
  ];
}

/** What the kernel would refuse with a bare EPERM, or leave out of the bounding set. A new user namespace has them all. */
function checkCapabilities({ capabilities = {} }: Process, { field, host, user }: ProcessContext): void {
  if (user || host.boundingSet === undefined) return;
  for (const set of ['bounding', 'permitted', 'inheritable'] as const) {
    const names = capabilities[set] ?? [];
    const had = withinBoundingSet(names, host.boundingSet);
    const missing = names.filter((name) => !had.includes(name));
    if (missing.length === 0) continue;
    throw new SpecError(`${field}.capabilities.${set}`, `this host does not have ${missing.join(', ')}`, 'unsupported');
  }
}

export interface ProcessContext {
  /** JSON path of the process, for errors. */
  readonly field: string;
  readonly host: HostFacts;
  /** It is in a user namespace other than the host's. */
  readonly user: boolean;
  /** "" for none of its own. */
  readonly keyring: string;
  /** Loads the filter. */
  readonly seccomp: readonly Operation[];
  /** A small init stays behind as the container's process 1. */
  readonly reaper?: boolean;
  /** Where init waits for its start; [] for not at all. */
  readonly wait: readonly Operation[];
}

/**
 * The last part of a plan.
 *
 * A filter may be loaded by whoever has CAP_SYS_ADMIN or no_new_privs, seccomp(2). Without the latter it has to come
 * while init still is root, and must then allow what init does after it: as little as can be, so the working directory
 * (whose proof of being inside is getcwd(2)) is entered before it, as root. With no_new_privs the filter is the last
 * thing before execve, and the directory is entered as the user.
 */
export function compileProcess(spec: Spec, wanted: Process, context: ProcessContext): Operation[] {
  if (wanted.args === undefined) throw new SpecError(`${context.field}.args`, 'is missing');
  checkCapabilities(wanted, context);
  const late = wanted.noNewPrivileges === true;
  const directory: Operation = { op: 'working_directory', path: wanted.cwd, create: 0 };
  const isEarly = !late && context.seccomp.length > 0;
  return [
    ...compileLabels(wanted, context.host, context.field),
    ...compileKeyring(wanted, context.keyring),
    ...rlimits(wanted, context.field),
    ...compileScheduling(spec.linux, wanted),
    ...(isEarly ? [directory, ...context.seccomp] : []),
    ...credentials(wanted),
    { op: 'umask', mask: wanted.user?.umask ?? UMASK },
    ...(isEarly ? [] : [directory]),
    { op: 'environment', variables: mergeEnv([], wanted.env ?? []) },
    ...context.wait,
    ...(late ? [{ op: 'no_new_privs' } as const, ...context.seccomp] : []),
    ...(context.reaper === true ? [{ op: 'reaper' } as const] : []),
    { op: 'exec', file: '', argv: wanted.args },
  ];
}
