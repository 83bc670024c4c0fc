/** What a container is doing, asked of the kernel each time: a record says who init is, never how it fares. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freezerOf } from '../../daemon/runtime/cgroups/freeze.ts';
import { errorCode } from '../../daemon/runtime/cgroups/files.ts';
import type { CgroupHost } from '../../daemon/runtime/cgroups/host.ts';
import { stateDirectory, type ContainerRecord, type ProcessIdentity } from './state.ts';

/** As the runtime specification names them (runtime.md "State"), and runc's `paused`. */
export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** Names of the pipes in the state directory; `start` is there until somebody has claimed the start. */
export const START_PIPE = 'start';
export const RESULT_PIPE = 'result';

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)), decimal; undefined where there is no such process, or a zombie. */
export function startTimeOf(pid: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errorCode(error))) return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
  const [state, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : rest[18];
}

/** The process is there, is no zombie and is the same one that was recorded. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return pid > 0 && startTimeOf(pid) === startTime;
}

/** `root`: of all states. `cgroups` is called only where a freezer has to be looked at. */
export function statusOf(root: string, record: ContainerRecord, cgroups: () => CgroupHost): Status {
  const alive = isAlive(record);
  if (record.creator !== undefined) return alive || isAlive(record.creator) ? 'creating' : 'stopped';
  if (!alive) return 'stopped';
  if (freezerOf(cgroups(), record.cgroupPath)?.isFrozen() === true) return 'paused';
  return existsSync(join(stateDirectory(root, record.id).path, START_PIPE)) ? 'created' : 'running';
}
