/** What a container wrote, from its log; followed until it has ended and all is told. */
import type { LogEntry, LogQuery } from '../../shared/api/logs.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { readLogs } from './logs/read-logs.ts';
import type { TextEncoding } from './logs/record.ts';

/** Throws EngineError `unsupported` where its driver keeps none, in dockerd's words. */
export function logs(
  context: Context,
  ref: string,
  query: LogQuery,
  signal: AbortSignal,
  encoding: TextEncoding = 'utf8',
): AsyncIterable<LogEntry> {
  const container = context.containers.find(ref);
  const path = context.places.log(container.id, container.row.logDriver);
  if (path === '') {
    throw new EngineError('unsupported', 'configured logging driver does not support reading', {
      hint: `container ${container.name} was created with the log driver none, which keeps nothing`,
    });
  }
  const source = {
    ended: () => container.run === undefined,
    onEnded: (callback: () => void) => container.onEnding(callback),
  };
  return readLogs(path, query, source, signal, encoding);
}
