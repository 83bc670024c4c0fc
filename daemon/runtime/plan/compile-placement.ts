/** Control groups: which operations make them, put the child in, and when. */
import { compileCgroup, compileJoin } from '../cgroups/compile.ts';
import type { CgroupHost } from '../cgroups/host.ts';
import type { Spec } from '../spec/types.ts';
import { giveGroup } from './compile-cgroup-owner.ts';
import { compileIntelRdt, joinIntelRdt } from './compile-intel-rdt.ts';
import type { Namespaces } from './compile-namespaces.ts';
import type { Operation } from './operations.ts';
import type { ExecTarget, StartTarget } from './target.ts';

export interface Placement {
  readonly beforeClone: readonly Operation[];
  readonly afterClone: readonly Operation[];
  /** Directories of the container's groups, one in each hierarchy that has one. */
  readonly groups: ReadonlySet<string>;
}

function placement(beforeClone: readonly Operation[], afterClone: readonly Operation[]): Placement {
  const groups = new Set<string>();
  for (const operation of [...beforeClone, ...afterClone]) {
    if (operation.op === 'cgroup_join' || operation.op === 'cgroup_into') groups.add(operation.host);
  }
  return { beforeClone, afterClone, groups };
}

/** The container's groups are made with its limits, and init is put into them. */
export function compilePlacement(spec: Spec, target: StartTarget, namespaces: Namespaces): Placement {
  const { cgroups, cgroupPath, host, id } = target;
  const { beforeClone, afterClone } = compileCgroup(cgroups, cgroupPath, spec.linux?.resources);
  const given = giveGroup(spec, namespaces, cgroups, cgroupPath);
  return placement([...beforeClone, ...given], [...afterClone, ...compileIntelRdt(spec.linux, host, id)]);
}

/** Where init is. */
export function joinPlacement(host: CgroupHost, path: string): Placement {
  const { beforeClone, afterClone } = compileJoin(host, path);
  return placement(beforeClone, afterClone);
}

/**
 * An exec goes where init is. `late`: only when it is told that all is settled, and not by birth, so that something can
 * be done before it.
 */
export function execPlacement(spec: Spec, target: ExecTarget, late: boolean): Placement {
  const { cgroups, cgroupPath, host, container } = target;
  const { beforeClone, afterClone } = compileJoin(cgroups, cgroupPath);
  const classes = joinIntelRdt(spec.linux, host, container.id);
  if (!late) return placement(beforeClone, [...afterClone, ...classes]);
  return placement([], [...afterClone, ...beforeClone.map(joinLate), ...classes]);
}

function joinLate(operation: Operation): Operation {
  return operation.op === 'cgroup_into' ? { op: 'cgroup_join', host: operation.host } : operation;
}
