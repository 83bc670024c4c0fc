/** A config.json → the launch plan of a container's init. */
import { SpecError } from '../spec/error.ts';
import type { Spec } from '../spec/types.ts';
import { compileDevices } from './compile-devices.ts';
import { compileMounts, showsCgroups } from './compile-mounts.ts';
import {
  checkNamespaces,
  cloneOperations,
  enterNamespaces,
  idMapOperations,
  namespacesOf,
  type Namespaces,
} from './compile-namespaces.ts';
import { compilePlacement, type Placement } from './compile-placement.ts';
import { compileIdentity, compileOomScore, compileProcess } from './compile-process.ts';
import { detachFromHost, enterRoot, makeRoot } from './compile-root.ts';
import type { Operation, Plan } from './operations.ts';
import type { StartTarget } from './target.ts';

/**
 * Where init waits until the shim has put it into its groups. As late as can be: on cgroup v1 that takes
 * milliseconds (an RCU grace period in the kernel), which the mounts before it hide.
 */
class Settling {
  private readonly operations: Operation[];
  private isDone: boolean;

  constructor(isNeeded: boolean, ownCgroupNamespace: boolean) {
    this.operations = ownCgroupNamespace ? [{ op: 'cgroup_namespace' }] : [];
    if (isNeeded) this.operations.unshift({ op: 'await_settled' });
    this.isDone = false;
  }

  /** The operations the first time, nothing after that. */
  take(): Operation[] {
    if (this.isDone) return [];
    this.isDone = true;
    return this.operations;
  }
}

function mountOperations(spec: Spec, target: StartTarget, parts: StartParts): Operation[] {
  const { namespaces, placement, settling } = parts;
  const compiled = compileMounts(spec, { target, namespaces, groups: placement.groups });
  return compiled.flatMap((operations, index) => {
    const mount = spec.mounts?.[index];
    return mount !== undefined && showsCgroups(mount) ? [...settling.take(), ...operations] : operations;
  });
}

interface StartParts {
  readonly namespaces: Namespaces;
  readonly placement: Placement;
  readonly settling: Settling;
}

function hiddenPaths(spec: Spec): Operation[] {
  return [
    ...(spec.linux?.readonlyPaths ?? []).map((path): Operation => ({ op: 'readonly', path })),
    ...(spec.linux?.maskedPaths ?? []).map((path): Operation => ({ op: 'masked', path })),
  ];
}

/**
 * @param spec - from validateSpec
 * @throws SpecError for what is missing for a start, or cannot be done on this host
 */
export function compileStart(spec: Spec, target: StartTarget): Plan {
  const wanted = spec.process;
  if (wanted === undefined) throw new SpecError('process', 'is missing');
  const namespaces = namespacesOf(spec);
  checkNamespaces(spec, namespaces);

  const userNamespace = namespaces.fresh.has('user');
  const placement = compilePlacement(spec, target);
  const settle = [...idMapOperations(spec.linux, namespaces), ...placement.afterClone, ...compileOomScore(wanted)];
  const settling = new Settling(settle.length > 0 && !userNamespace, namespaces.fresh.has('cgroup'));

  return [
    ...placement.beforeClone,
    ...cloneOperations(namespaces),
    ...settle,
    // Nothing can be made or mounted before there are ids to own it.
    ...(userNamespace ? ([{ op: 'await_settled' }, { op: 'become_root' }] as const) : []),
    ...enterNamespaces(spec, namespaces),
    detachFromHost(spec),
    ...makeRoot(spec, target, userNamespace),
    ...mountOperations(spec, target, { namespaces, placement, settling }),
    ...compileDevices(spec, wanted, userNamespace),
    ...hiddenPaths(spec),
    ...settling.take(),
    ...enterRoot(spec, target),
    ...compileIdentity(spec),
    ...compileProcess(spec, wanted, {
      field: 'process',
      keyring: target.newKeyring ? `_ses.${target.id}` : '',
      awaitGo: target.awaitGo,
      seccomp: target.seccomp,
    }),
  ];
}
