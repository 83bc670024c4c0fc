/** What of a log is wanted: LogQuery in the reader's terms. */
import type { LogEntry, LogQuery } from '../../../shared/api/logs.ts';
import { InvalidTime, formatTime, nowNs, parseTime } from '../../../shared/time.ts';
import { EngineError } from '../errors.ts';

export interface Selection {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Records of this time and later; as the records write it, so that text compares as time does. */
  readonly since: string | undefined;
  /** Records before or of this time. */
  readonly until: string | undefined;
  /** Last lines; undefined is all. A line in several parts is one. */
  readonly tail: number | undefined;
  readonly follow: boolean;
}

/** Neither stream named means both. Throws EngineError invalid_field for `since` and `until`. */
export function selectionOf(query: LogQuery): Selection {
  const neither = query.stdout !== true && query.stderr !== true;
  return {
    stdout: neither ? query.stdout === undefined : query.stdout === true,
    stderr: neither ? query.stderr === undefined : query.stderr === true,
    since: time(query.since, 'since'),
    until: time(query.until, 'until'),
    tail: query.tail === undefined || query.tail === 'all' ? undefined : Number(query.tail),
    follow: query.follow === true,
  };
}

export function selects(selection: Selection, entry: LogEntry): boolean {
  return (
    selection[entry.stream] &&
    (selection.since === undefined || entry.at >= selection.since) &&
    (selection.until === undefined || entry.at <= selection.until)
  );
}

/** Milliseconds, rounded up, until `until` has passed, 0 once it has; undefined without one. */
export function timeLeft(selection: Selection): number | undefined {
  if (selection.until === undefined) return undefined;
  const left = parseTime(selection.until) - nowNs();
  return left < 0n ? 0 : Number(left / 1_000_000n) + 1;
}

function time(text: string | undefined, field: string): string | undefined {
  if (text === undefined) return undefined;
  try {
    return formatTime(parseTime(text));
  } catch (error) {
    if (!(error instanceof InvalidTime)) throw error;
    throw new EngineError('invalid_field', error.message, { field, cause: error });
  }
}
