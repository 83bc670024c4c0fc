/** The parent group of a daemon's containers, made once at its start in every hierarchy. */
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CgroupError, errorCode, isGone, readText, writeFile } from './files.ts';
import type { CgroupHost, V1Hierarchy, V2Hierarchy } from './host.ts';
import { groupDirectory, hierarchies } from './host.ts';
import { requireGroupPath } from './path.ts';

/** Every directory from below the mount down to the group: "/a/b" → [MOUNT/a, MOUNT/a/b]. */
export function descent(mount: string, path: string): string[] {
  const directories: string[] = [];
  for (const part of path.split('/').filter(Boolean)) directories.push(join(directories.at(-1) ?? mount, part));
  return directories;
}

/** A v1 cpuset is empty when made and takes no process until it has cpus and mems: the parent's. Throws CgroupError. */
export function fillCpuset(directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readText(join(directory, file)) !== '') continue;
    const inherited = readText(join(dirname(directory), file));
    if (inherited === undefined || inherited === '') {
      const code = inherited === undefined ? 'ENOENT' : 'ENOSPC';
      throw new CgroupError(join(dirname(directory), file), 'is empty', { code });
    }
    writeFile(join(directory, file), inherited);
  }
}

function prepareV1(hierarchy: V1Hierarchy, path: string): V1Hierarchy {
  for (const directory of descent(hierarchy.mount, path)) {
    mkdirSync(directory, { recursive: true });
    if (!hierarchy.controllers.includes('cpuset')) continue;
    fillCpuset(directory);
    // Groups below then copy it by themselves.
    writeFile(join(directory, 'cgroup.clone_children'), '1');
  }
  return { ...hierarchy, files: readdirSync(groupDirectory(hierarchy, path)) };
}

/**
 * Gives the children of `directory` every controller it has. One that cannot be given (EBUSY: the group holds
 * processes, cgroups(7) "no internal processes") stays away; prepareV2 then reports what there really is.
 */
export function delegateControllers(directory: string): void {
  const words = (file: string): string[] => (readText(join(directory, file)) ?? '').split(/\s+/).filter(Boolean);
  const enabled = new Set(words('cgroup.subtree_control'));
  for (const controller of words('cgroup.controllers')) {
    if (enabled.has(controller)) continue;
    try {
      writeFile(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    } catch (error) {
      // Ignored here: a container that asks for the controller is refused by name.
      if (!['EBUSY', 'EOPNOTSUPP', 'EINVAL', 'ENOENT'].includes(errorCode(error))) throw error;
    }
  }
}

function prepareV2(hierarchy: V2Hierarchy, path: string): V2Hierarchy {
  const parent = groupDirectory(hierarchy, path);
  mkdirSync(parent, { recursive: true });
  for (const directory of [hierarchy.mount, ...descent(hierarchy.mount, path)]) delegateControllers(directory);
  const controllers = (readText(join(parent, 'cgroup.subtree_control')) ?? '').split(/\s+/).filter(Boolean);
  return { ...hierarchy, controllers, files: readdirSync(parent) };
}

/**
 * Makes the parent group in every hierarchy, so that a container's group is one mkdir below it: cpusets filled,
 * v2 controllers handed down. Returns the host as its containers will find it, to be used from then on: with
 * the files that groups have here and the controllers that really reach them. Throws CgroupError.
 */
export function prepareParent(host: CgroupHost, path: string): CgroupHost {
  requireGroupPath(path);
  try {
    const v1 = host.v1.map((hierarchy) => prepareV1(hierarchy, path));
    return { mode: host.mode, v1, ...(host.v2 === undefined ? {} : { v2: prepareV2(host.v2, path) }) };
  } catch (error) {
    if (error instanceof CgroupError) throw error;
    throw new CgroupError(path, 'cannot make the parent control group', { cause: error });
  }
}

/**
 * At the daemon's end: removes the parent group wherever no container is left below it. Where one is (containers
 * outlive the daemon) it stays, and the next daemon finds it. Throws CgroupError.
 */
export function releaseParent(host: CgroupHost, path: string): void {
  requireGroupPath(path);
  for (const hierarchy of hierarchies(host)) {
    const directory = groupDirectory(hierarchy, path);
    try {
      rmdirSync(directory);
    } catch (error) {
      if (isGone(error) || ['EBUSY', 'ENOTEMPTY'].includes(errorCode(error))) continue;
      throw new CgroupError(directory, 'cannot remove the parent control group', { cause: error });
    }
  }
}
