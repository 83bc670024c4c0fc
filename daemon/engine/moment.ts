/** Moments that requests give, in the form in which rows have theirs: so that texts can be compared. */
import { InvalidTime, formatTime, parseTime } from '../../shared/time.ts';
import { EngineError } from './errors.ts';

/** RFC 3339 in UTC with nine decimals. Throws `invalid_field`, with the field's name. */
export function momentOf(text: string, field: string): string {
  return formatTime(momentNs(text, field));
}

/** Nanoseconds since 1970. Throws as momentOf(). */
export function momentNs(text: string, field: string): bigint {
  try {
    return parseTime(text);
  } catch (error) {
    if (!(error instanceof InvalidTime)) throw error;
    throw new EngineError('invalid_field', `${field}: ${error.message}`, { field, cause: error });
  }
}
