/** The hook that is running, of the host's: written into the container's directory for the next daemon. */
import { closeSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { pidfdOpen } from '../../../native-bindings/pidfd.ts';
import type { HookKind } from '../../runtime/hooks/hooks.ts';

export interface HookRecord {
  readonly kind: HookKind;
  readonly path: string;
  /** Of the file on its stdin: the process is found by it where the daemon was killed before it had its number. */
  readonly name: string;
  readonly bootId: string;
  /** Milliseconds; absent: none. */
  readonly timeout?: number;
  /** `startTime`: field 22 of /proc/PID/stat, with which the number names the process. */
  readonly process?: { readonly pid: number; readonly startTime: string };
}

/** Leads its session, and so a group of its number. Who has it closes the descriptor. */
export interface LeftHook {
  readonly pid: number;
  readonly pidfd: number;
}

/** Undefined where there is none. */
export function readRecord(path: string): HookRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as HookRecord;
  } catch (error) {
    // or cut off by a crash of the machine, which no hook has survived
    if (error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      return undefined;
    }
    throw error;
  }
}

/** The process of the record, where it is alive. */
export function findHook({ bootId, name, process }: HookRecord, thisBoot: string): LeftHook | undefined {
  if (bootId !== thisBoot) return undefined;
  const found = process ?? leaderReading(name);
  const pidfd = found === undefined ? undefined : pidfdOpen(found.pid);
  if (found === undefined || pidfd === undefined) return undefined;
  // looked at once the descriptor is there, which then is that of the same process
  if (found.startTime !== '' && startTimeOf(found.pid) === found.startTime) return { pid: found.pid, pidfd };
  closeSync(pidfd);
  return undefined;
}

/** The leader of the session in which a process has this file in memory on its stdin. */
function leaderReading(name: string): HookRecord['process'] {
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid) || stdinOf(pid) !== `/memfd:${name} (deleted)`) continue;
    const leader = Number(statOf(Number(pid))?.[SESSION]);
    const startTime = startTimeOf(leader);
    return startTime === undefined ? undefined : { pid: leader, startTime };
  }
  return undefined;
}

function stdinOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/0`);
  } catch {
    // it has none, or has just ended
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat; undefined where there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  return statOf(pid)?.[START_TIME];
}

// indices of fields 6 and 22 behind the name, proc_pid_stat(5)
const SESSION = 3;
const START_TIME = 19;

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    // the second field is the program's name in parentheses, which may hold anything
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
