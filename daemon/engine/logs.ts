/** What a container wrote, from its log; followed until it has ended and all is told. */
import type { LogEntry, LogQuery } from '../../shared/api/container.ts';
import type { Context } from './context.ts';
import { readLogs } from './logs/read-logs.ts';

export function logs(context: Context, ref: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogEntry> {
  const container = context.containers.find(ref);
  const source = {
    ended: () => container.run === undefined,
    onEnded: (callback: () => void) => container.onEnding(callback),
  };
  return readLogs(context.places.log(container.id), query, source, signal);
}
