/** The keys that let go of a session of this client's. */
import { DEFAULT_DETACH_KEYS, InvalidDetachKeys, parseDetachKeys as parse } from '../../shared/detach-keys.ts';
import type { Flag } from '../command.ts';
import { UsageError } from '../errors.ts';

export const DETACH_KEYS_FLAG: Flag = {
  name: 'detach-keys',
  type: 'string',
  value: 'KEYS',
  summary: 'keys that let go of the session',
  default: DEFAULT_DETACH_KEYS,
};

/** Bytes of the sequence; empty text is none at all. Throws UsageError. */
export function parseDetachKeys(text: string): readonly number[] {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidDetachKeys)) throw error;
    throw new UsageError(`detach keys: "${error.key}" is no key`, {
      hint: 'write them as ctrl-p,ctrl-q or as single characters',
      cause: error,
    });
  }
}

/** What was given here, else what the container was created with. Throws UsageError for the first of them. */
export function detachKeysOf(given: string | undefined, request: unknown): readonly number[] {
  if (given !== undefined) return parseDetachKeys(given);
  const kept = (request as { detachKeys?: unknown } | null | undefined)?.detachKeys;
  return parseDetachKeys(typeof kept === 'string' ? kept : DEFAULT_DETACH_KEYS);
}
