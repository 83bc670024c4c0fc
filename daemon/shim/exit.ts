/** The end of a process in the API's words. */
import type { Exit } from '../../shared/api/container.ts';
import { signalName } from '../../shared/signals.ts';
import { formatTime, parseTime } from '../../shared/time.ts';
import type { ExitRecord } from './messages.ts';
import type { ProcessExit, ProcessStatus } from './types.ts';

/** From the shim's `exited`, or from a `process` whose state is 2 (ended). */
export function exitOf(end: ProcessExit | ProcessStatus): Exit {
  return exit(Number(end.code), Number(end.signal), Number(end.oom_kills), formatTime(BigInt(end.ended_at)));
}

export function exitOfRecord(record: ExitRecord): Exit {
  return exit(record.code, record.signal, record.oom_kills, formatTime(parseTime(record.at)));
}

function exit(code: number, signal: number, oomKills: number, at: string): Exit {
  return { unknown: false, code, ...(signal === 0 ? {} : { signal: signalName(signal) }), oomKilled: oomKills > 0, at };
}
