/** Mirrors first: what one does not give, whatever the reason, the next is asked for, and the registry itself last. */
import { ImageError } from '../errors.ts';
import type { Session } from './session.ts';

/**
 * What `attempt` gives for the first of `sessions` with which it succeeds, and the sessions from that one on. Throws
 * what the last one threw: the registry itself has the last word. Nothing but an ImageError leads to the next.
 */
export async function firstSource<T>(
  sessions: readonly Session[],
  signal: AbortSignal | undefined,
  attempt: (session: Session) => Promise<T>,
): Promise<[value: T, from: readonly Session[]]> {
  for (const [index, session] of sessions.entries()) {
    const isLast = index === sessions.length - 1;
    if (session.isDown && !isLast) continue;
    try {
      return [await attempt(session), sessions.slice(index)];
    } catch (error) {
      if (isLast || signal?.aborted === true || !(error instanceof ImageError)) throw error;
      session.isDown = error.code === 'registry_unreachable';
      session.onFailure(error);
    }
  }
  throw new RangeError('no source to ask');
}
