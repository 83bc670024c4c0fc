/** Who is in a group and in the groups below it, which the container may have made itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, isGone } from './files.ts';
import type { CgroupHost } from './host.ts';
import { controllerPlace, groupDirectory, hierarchies } from './host.ts';

/** The directory and all below it, deepest first; empty where there is none. */
export function subtree(directory: string): string[] {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
  const children = entries.filter((entry) => entry.isDirectory());
  return [...children.flatMap((entry) => subtree(join(directory, entry.name))), directory];
}

function processesOfGroup(directory: string): number[] {
  try {
    const text = readFileSync(join(directory, 'cgroup.procs'), 'utf8');
    return text.split('\n').filter(Boolean).map(Number);
  } catch (error) {
    // A threaded group of v2 has no processes of its own: those are listed above it.
    if (isGone(error) || errorCode(error) === 'EOPNOTSUPP') return [];
    throw error;
  }
}

/** Process ids (of the daemon's pid namespace) in one hierarchy, ascending, each once. */
export function processesBelow(directory: string): number[] {
  return [...new Set(subtree(directory).flatMap(processesOfGroup))].sort((a, b) => a - b);
}

/** Process ids in the group `path` and below it, ascending; empty for a group that is not there. */
export function processes(host: CgroupHost, path: string): number[] {
  // One hierarchy is enough: a container's process is in its groups in all of them.
  const hierarchy = controllerPlace(host, 'freezer')?.hierarchy ?? host.v2 ?? hierarchies(host)[0];
  return hierarchy === undefined ? [] : processesBelow(groupDirectory(hierarchy, path));
}

/**
 * The group in which the process `pid` of the container with the group `path` is: `path`, or one below it that the
 * container has made and moved to. On v2 a group with controllers for its children takes no process itself
 * (cgroups(7), "no internal processes"), so an exec must go where init is. Where it cannot be told, `path`: a pid that
 * is another's by now is in no group of this container.
 */
export function groupOfProcess(host: CgroupHost, path: string, pid: number): string {
  if (host.mode !== 'v2') return path;
  let text;
  try {
    text = readFileSync(`/proc/${String(pid)}/cgroup`, 'utf8');
  } catch (error) {
    if (isGone(error) || errorCode(error) === 'ESRCH') return path;
    throw error;
  }
  const group = /^0::(\/.*)$/m.exec(text)?.[1] ?? path;
  return group.startsWith(`${path}/`) && !group.endsWith(' (deleted)') ? group : path;
}
