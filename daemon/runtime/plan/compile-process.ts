/** `process`: from the root of a new mount namespace to the user's program. */
import { capabilityMask } from '../capabilities.ts';
import type { SeccompCache } from '../seccomp/cache.ts';
import { compileSeccomp } from '../seccomp/compile.ts';
import { mergeEnv } from '../spec/default-spec.ts';
import { SpecError } from '../spec/error.ts';
import { RLIMITS } from '../spec/rlimits.ts';
import { sysctlPath } from '../spec/sysctl.ts';
import type { Linux, Process, Spec } from '../spec/types.ts';
import type { Operation } from './operations.ts';

/** What a shell's user has, umask(2); also where the shim was started with another. */
const UMASK = 0o022;

/** What the namespaces of a new container are told. */
export function compileIdentity(spec: Spec): Operation[] {
  const operations: Operation[] = [];
  for (const [key, value] of Object.entries(spec.linux?.sysctl ?? {})) {
    const path = sysctlPath(key);
    if (path === undefined) throw new SpecError(`linux.sysctl.${key}`, 'is not the name of a kernel parameter');
    operations.push({ op: 'sysctl', key: path, value });
  }
  if (spec.hostname !== undefined && spec.hostname !== '') operations.push({ op: 'hostname', name: spec.hostname });
  if (spec.domainname !== undefined && spec.domainname !== '') {
    operations.push({ op: 'domainname', name: spec.domainname });
  }
  return operations;
}

/** The shim's, after `clone`: lowering it is for host root, proc_pid_oom_score_adj(5). */
export function compileOomScore(wanted: Process): Operation[] {
  return wanted.oomScoreAdj === undefined ? [] : [{ op: 'oom_score_adj', value: wanted.oomScoreAdj }];
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

function filter(linux: Linux | undefined, compile: SeccompCache): Operation[] {
  if (linux?.seccomp === undefined) return [];
  const { filter: program, flags } = compile(linux.seccomp);
  return [{ op: 'seccomp', filter: program, flags }];
}

export interface ProcessContext {
  /** JSON path of the process, for errors. */
  readonly field: string;
  /** "" for none of its own. */
  readonly keyring: string;
  readonly awaitGo: boolean;
  readonly seccomp: SeccompCache | undefined;
}

/**
 * The last part of a plan.
 *
 * A filter may be loaded by whoever has CAP_SYS_ADMIN or no_new_privs, seccomp(2). Without the latter it has to come
 * while init still is root, and must then allow what init does after it; with it, it is the last thing before execve.
 */
export function compileProcess(spec: Spec, wanted: Process, context: ProcessContext): Operation[] {
  if (wanted.args === undefined) throw new SpecError(`${context.field}.args`, 'is missing');
  const seccomp = filter(spec.linux, context.seccomp ?? compileSeccomp);
  const late = wanted.noNewPrivileges === true;
  const go: Operation[] = context.awaitGo ? [{ op: 'await_go' }] : [];
  return [
    ...(context.keyring === '' ? [] : [{ op: 'keyring', name: context.keyring } as const]),
    ...rlimits(wanted, context.field),
    ...(late ? [] : seccomp),
    ...credentials(wanted),
    { op: 'umask', mask: wanted.user?.umask ?? UMASK },
    { op: 'working_directory', path: wanted.cwd, create: 0 },
    { op: 'environment', variables: mergeEnv([], wanted.env ?? []) },
    ...go,
    ...(late ? [{ op: 'no_new_privs' } as const, ...seccomp] : []),
    { op: 'exec', argv: wanted.args },
  ];
}
