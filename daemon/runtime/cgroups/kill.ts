/** Ends every process of a group. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, isGone, writeFile, writeOnlyFile } from './files.ts';
import { freezerOf } from './freeze.ts';
import type { CgroupHost } from './host.ts';
import { groupDirectory, hierarchies } from './host.ts';
import { requireGroupPath } from './path.ts';
import { processesBelow } from './processes.ts';

/** cgroup.kill (v2, Linux 5.14) reaches all at once, forks and frozen ones included. False: there is no such file. */
function killThroughV2(directory: string): boolean {
  const file = join(directory, 'cgroup.kill');
  if (!existsSync(file)) return false;
  try {
    writeOnlyFile(file, '1');
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return true;
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

function setFreezer(file: string, value: string): void {
  try {
    writeFile(file, value);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * SIGKILL to every process of the group `path` and below it, in whatever hierarchy it is; frozen ones are
 * thawed, so that they can die. Does not wait. A group that is not there is fine.
 */
export function killAll(host: CgroupHost, path: string): void {
  requireGroupPath(path);
  const whole = host.v2 !== undefined && killThroughV2(groupDirectory(host.v2, path));
  // Beside v1 hierarchies a process may be in the group of one of those alone.
  if (whole && host.mode === 'v2') return;
  const freezer = freezerOf(host, path);
  const pids = new Set(hierarchies(host).flatMap((hierarchy) => processesBelow(groupDirectory(hierarchy, path))));
  if (freezer === undefined) {
    pids.forEach(killProcess);
    return;
  }
  // Held still while they are counted and killed, they cannot fork away from the list; v1 has nothing better.
  if (pids.size > 0) {
    setFreezer(freezer.file, freezer.frozenValue);
    for (const hierarchy of hierarchies(host)) {
      for (const pid of processesBelow(groupDirectory(hierarchy, path))) killProcess(pid);
    }
  }
  setFreezer(freezer.file, freezer.thawedValue);
}
