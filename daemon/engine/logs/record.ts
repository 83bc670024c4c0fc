/** One record of a log in the Kubernetes CRI text format: `2026-01-02T03:04:05.123456789Z stdout F text`. */
import type { LogEntry } from '../../../shared/api/container.ts';
import { InvalidTime, formatTime, parseTime } from '../../../shared/time.ts';

/** As the shim writes it; compared as text it sorts as time. */
const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z$/;
const CANONICAL_LENGTH = 30;

/**
 * `line` is without its newline. Undefined where it is no record. Times of other precision or zone are taken and told
 * in ours; further tags ("F:x") are ignored, as the format reserves them.
 */
export function parseRecord(line: string): LogEntry | undefined {
  const timeEnd = line.indexOf(' ');
  if (timeEnd < 0) return undefined;
  const stream = line.startsWith('stdout ', timeEnd + 1)
    ? 'stdout'
    : line.startsWith('stderr ', timeEnd + 1)
      ? 'stderr'
      : undefined;
  if (stream === undefined) return undefined;
  const tagsAt = timeEnd + 1 + stream.length + 1;
  const tagsEnd = line.indexOf(' ', tagsAt);
  if (tagsEnd < 0) return undefined;
  const tag = line[tagsAt];
  const alone = tagsEnd === tagsAt + 1 || line[tagsAt + 1] === ':';
  if ((tag !== 'F' && tag !== 'P') || !alone) return undefined;
  const at = canonicalTime(line.slice(0, timeEnd));
  if (at === undefined) return undefined;
  return { at, stream, text: line.slice(tagsEnd + 1), partial: tag === 'P' };
}

function canonicalTime(text: string): string | undefined {
  if (text.length === CANONICAL_LENGTH && CANONICAL.test(text)) return text;
  try {
    return formatTime(parseTime(text));
  } catch (error) {
    if (error instanceof InvalidTime) return undefined;
    throw error;
  }
}
