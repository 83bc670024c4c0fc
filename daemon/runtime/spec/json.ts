/** The JSON text of a config.json: shared/json.ts, its errors in the terms of a spec. */
import { JsonError, parseJson as parse } from '../../../shared/json.ts';
import { SpecError } from './error.ts';

export { MAX_JSON_DEPTH, stringifyJson } from '../../../shared/json.ts';

/**
 * The value of a JSON text. An integer that a number cannot hold is a bigint.
 *
 * @param name - what the text is, for errors: "config.json"
 * @throws SpecError with `name` as its field
 */
export function parseJson(text: string, name: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new SpecError(name, error.message, 'invalid', { cause: error });
  }
}
