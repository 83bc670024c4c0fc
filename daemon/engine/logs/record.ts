/**
 * One record of a log: in the Kubernetes CRI text format, `2026-01-02T03:04:05.123456789Z stdout F text`, or docker's
 * json-file, `{"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}`. Which one it is its first
 * character tells.
 */
import type { LogEntry } from '../../../shared/api/logs.ts';
import { InvalidTime, formatTime, parseTime } from '../../../shared/time.ts';

/** `latin1` keeps every byte of a text as one character, for those who want the bytes back. */
export type TextEncoding = 'utf8' | 'latin1';

/** As the shim writes it; compared as text it sorts as time. */
const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z$/;
const CANONICAL_LENGTH = 30;

/**
 * `line` is without its newline; decoded as latin1 its text is, too, whatever the format. Undefined where it is no record.
 * Times of other precision or zone are taken and told in ours; further tags ("F:x") and properties are ignored.
 */
export function parseRecord(line: string, encoding: TextEncoding = 'utf8'): LogEntry | undefined {
  return line.startsWith('{') ? parseJsonRecord(line, encoding) : parseCriRecord(line);
}

function parseJsonRecord(line: string, encoding: TextEncoding): LogEntry | undefined {
  let record: { readonly log?: unknown; readonly stream?: unknown; readonly time?: unknown };
  try {
    record = JSON.parse(line) as typeof record;
  } catch {
    return undefined; // torn, or nobody's
  }
  const { log, stream, time } = record;
  if (typeof log !== 'string' || typeof time !== 'string' || (stream !== 'stdout' && stream !== 'stderr'))
    return undefined;
  const at = canonicalTime(time);
  if (at === undefined) return undefined;
  const partial = !log.endsWith('\n');
  const text = partial ? log : log.slice(0, -1);
  return { at, stream, text: encoding === 'latin1' ? inBytes(text) : text, partial };
}

/** What an escape stands for is no byte of the line. */
function inBytes(text: string): string {
  return text.replace(/[\u0100-\uffff]/g, (character) => Buffer.from(character).toString('latin1'));
}

function parseCriRecord(line: string): LogEntry | undefined {
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
