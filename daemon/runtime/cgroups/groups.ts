/**
 * The control groups of one container that comes with a path of its own (tare-oci): its parents may be anybody's, such as
 * an orchestrator's "/kubepods/pod1", and others may be at work beside and above it.
 *
 * The container's own group is made together with its parents, so that it holds them fast: a parent goes only when it
 * is empty, and whoever finds one gone in the midst of its descent begins again. No lock is needed.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SpecError } from '../spec/error.ts';
import { CgroupError, errorCode, isGone, readTable, readText } from './files.ts';
import type { CgroupHost, V1Hierarchy, V2Hierarchy } from './host.ts';
import { groupDirectory, hierarchies } from './host.ts';
import { requireGroupPath } from './path.ts';
import { delegateControllers, descent, fillCpuset } from './prepare.ts';
import { processesBelow } from './processes.ts';
import { removeAll } from './remove.ts';

/** Where a container without an absolute path of its own goes. It comes with the first and goes with the last. */
const DEFAULT_PARENT = '/tare-oci';
const FIELD = 'linux.cgroupsPath';
/** How often a parent may vanish under our hands before something else must be wrong. */
const MOST_DESCENTS = 100;

export interface PreparedGroups {
  /** The host as this container's groups find it: with the files that they have and the controllers that reach them. */
  readonly host: CgroupHost;
  /** Absolute directories that were made above the container's own groups; for removeGroups. */
  readonly parents: readonly string[];
}

/** The form that a runtime beside systemd takes: "slice:prefix:name". */
const SYSTEMD_FORM = /^[^/:]*:[^/:]*:[^/:]+$/;

/**
 * linux.cgroupsPath → the path in every hierarchy. An absolute one is taken as it is, a relative one lies below
 * "/tare-oci", and so does the container's id where there is none. Throws SpecError.
 */
export function groupPathOf(cgroupsPath: string | undefined, id: string): string {
  const asked = cgroupsPath ?? '';
  if (SYSTEMD_FORM.test(asked)) {
    throw new SpecError(
      FIELD,
      `${JSON.stringify(asked)} is a unit of systemd's (slice:prefix:name); control groups are made directly here`,
      'unsupported',
    );
  }
  const path = asked.startsWith('/') ? asked : `${DEFAULT_PARENT}/${asked === '' ? id : asked}`;
  requireGroupPath(path);
  return path;
}

/** True: it was not there before. */
function makeDirectory(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** One way down to the group. What it makes is added to `made`. Throws ENOENT where a parent is taken away meanwhile. */
function descend(hierarchy: V1Hierarchy | V2Hierarchy, isV2: boolean, path: string, made: Set<string>): void {
  const directories = descent(hierarchy.mount, path);
  // First all the way, for the last one holds the others.
  for (const directory of directories) if (makeDirectory(directory)) made.add(directory);
  if (isV2) {
    for (const directory of [hierarchy.mount, ...directories.slice(0, -1)]) delegateControllers(directory);
  } else if (hierarchy.controllers.includes('cpuset')) {
    directories.forEach(fillCpuset);
  }
}

function makeGroup(hierarchy: V1Hierarchy | V2Hierarchy, isV2: boolean, path: string, made: Set<string>): void {
  for (let round = 1; ; round++) {
    try {
      descend(hierarchy, isV2, path, made);
      return;
    } catch (error) {
      if (!isGone(error) || round >= MOST_DESCENTS) throw error;
    }
  }
}

/** A group with processes is somebody's, and one that is frozen, itself or by a parent, would stop init at its birth. */
function requireFit(directory: string, isNew: boolean): void {
  const count = isNew ? 0 : processesBelow(directory).length;
  if (count > 0) {
    const problem = `the control group is not empty: ${String(count)} processes are in it`;
    throw new CgroupError(directory, problem, { code: 'EBUSY', field: FIELD });
  }
  const state = readText(join(directory, 'freezer.state'));
  const isFrozen =
    state !== undefined ? state !== 'THAWED' : readTable(join(directory, 'cgroup.events'))?.get('frozen');
  if (isFrozen === true || isFrozen === 1) {
    throw new CgroupError(directory, 'the control group is frozen', { code: 'EBUSY', field: FIELD });
  }
  const type = readText(join(directory, 'cgroup.type')) ?? 'domain';
  if (type !== 'domain') {
    const problem = `the control group is of the type "${type}", which takes threads and no processes`;
    throw new CgroupError(directory, problem, { code: 'EOPNOTSUPP', field: FIELD });
  }
}

/** The host as the groups `path` find it, which are there in every hierarchy: for settings of a container that exists. Throws the system's error. */
export function factsOf(host: CgroupHost, path: string): CgroupHost {
  const v1 = host.v1.map((hierarchy) => ({ ...hierarchy, files: readdirSync(groupDirectory(hierarchy, path)) }));
  const { v2 } = host;
  if (v2 === undefined) return { mode: host.mode, v1 };
  const directory = groupDirectory(v2, path);
  const controllers = (readText(join(directory, 'cgroup.controllers')) ?? '').split(/\s+/).filter(Boolean);
  return { mode: host.mode, v1, v2: { ...v2, controllers, files: readdirSync(directory) } };
}

/** Directories above the groups `path` that are not there: what prepareGroups would make of them now. */
export function missingAbove(host: CgroupHost, path: string): string[] {
  requireGroupPath(path);
  return [...ancestors(host, path)].filter((directory) => !existsSync(directory));
}

/** Removes those that are empty, deepest first; the rest stays. Throws CgroupError for what the kernel refuses otherwise. */
export function removeEmpty(directories: Iterable<string>): void {
  for (const directory of [...directories].sort((a, b) => b.length - a.length)) {
    try {
      rmdirSync(directory);
    } catch (error) {
      // Ignored: somebody else's group is below it by now, or it is gone already.
      if (isGone(error) || ['EBUSY', 'ENOTEMPTY'].includes(errorCode(error))) continue;
      throw new CgroupError(directory, 'cannot remove the control group', { cause: error });
    }
  }
}

/**
 * Makes the group `path` and what is missing above it in every hierarchy: v1 cpusets filled, v2 controllers handed
 * down. A group that is there already serves if nobody is in it (runc and the specification's "fit for purpose").
 * Throws CgroupError, `field` linux.cgroupsPath: EBUSY for a group with processes or a frozen one; nothing stays made.
 */
export function prepareGroups(host: CgroupHost, path: string): PreparedGroups {
  requireGroupPath(path);
  const made = new Set<string>();
  try {
    for (const hierarchy of hierarchies(host)) {
      makeGroup(hierarchy, hierarchy === host.v2, path, made);
      const own = groupDirectory(hierarchy, path);
      requireFit(own, made.has(own));
    }
    const owns = new Set(hierarchies(host).map((hierarchy) => groupDirectory(hierarchy, path)));
    return { host: factsOf(host, path), parents: [...made].filter((directory) => !owns.has(directory)) };
  } catch (error) {
    removeEmpty(made);
    if (error instanceof CgroupError) throw error;
    throw new CgroupError(path, `cannot make the control group: ${errorCode(error)}`, { cause: error, field: FIELD });
  }
}

/** Every directory between the mounts and the container's own groups. */
function ancestors(host: CgroupHost, path: string): Set<string> {
  return new Set(hierarchies(host).flatMap(({ mount }) => descent(mount, dirname(path))));
}

/**
 * Removes the group `path` and what the container made below it, then those of `parents` (PreparedGroups) that are
 * empty; a parent that was somebody else's stays. Kills nothing: resolves once all is gone (at once for a group that is
 * not there), throws CgroupError EBUSY where a process is still there after `milliseconds`.
 */
export async function removeGroups(
  host: CgroupHost,
  path: string,
  parents: readonly string[],
  milliseconds = 10_000,
): Promise<void> {
  await removeAll(host, path, milliseconds);
  const above = ancestors(host, path);
  const ours = path.startsWith(`${DEFAULT_PARENT}/`)
    ? hierarchies(host).map((hierarchy) => groupDirectory(hierarchy, DEFAULT_PARENT))
    : [];
  // What a file of ours says is not followed to other places.
  removeEmpty(new Set([...parents.filter((directory) => above.has(directory)), ...ours]));
}
