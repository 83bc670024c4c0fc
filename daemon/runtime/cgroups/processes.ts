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
