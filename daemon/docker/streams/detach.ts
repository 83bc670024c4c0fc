/** Keys that let go of a terminal, as requests name them. */
import { DEFAULT_DETACH_KEYS, InvalidDetachKeys, parseDetachKeys } from '../../../shared/detach-keys.ts';
import { DockerError } from '../error.ts';

/** Bytes of the sequence; of none given, dockerd's own. Throws DockerError 400 in the words for `what` they are called. */
export function detachKeysOf(given: string | undefined, what: 'detach' | 'escape'): readonly number[] {
  const text = given === undefined || given === '' ? DEFAULT_DETACH_KEYS : given;
  try {
    return parseDetachKeys(text);
  } catch (error) {
    if (!(error instanceof InvalidDetachKeys)) throw error;
    throw new DockerError(400, `Invalid ${what} keys (${text.slice(0, 128)}) provided`, { cause: error });
  }
}
