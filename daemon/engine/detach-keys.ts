/** Keys that detach: the engine only keeps them, for its clients. */
import { InvalidDetachKeys, parseDetachKeys } from '../../shared/detach-keys.ts';
import { EngineError } from './errors.ts';

/** What is no key is told where it is said. Throws `invalid_field`. */
export function checkDetachKeys(text = ''): void {
  try {
    parseDetachKeys(text);
  } catch (error) {
    if (!(error instanceof InvalidDetachKeys)) throw error;
    throw new EngineError('invalid_field', `detachKeys: ${error.message}`, { field: 'detachKeys', cause: error });
  }
}
