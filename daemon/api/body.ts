/** Bodies: one JSON object, in UTF-8. */
import { JsonError, parseJson } from '../../shared/json.ts';
import { EngineError } from '../engine/errors.ts';

export const MAX_BODY = 4 * 1024 * 1024;

/** undefined for a body of no bytes. Integers beyond 2^53 come as bigint; only free-form parts of a schema let them in. */
export function parseBody(bytes: Buffer): object | undefined {
  if (bytes.length === 0) return undefined;
  const value = parse(decode(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EngineError('invalid_json', 'the body must be a JSON object');
  }
  return value;
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new EngineError('invalid_json', 'the body is not UTF-8', { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new EngineError('invalid_json', `the body: ${error.message}`, { cause: error });
  }
}
