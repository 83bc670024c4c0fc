/** Waits for an end of a container. */
import type { Exit, WaitQuery } from '../../shared/api/container.ts';
import { nowTimestamp } from '../../shared/time.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';

/**
 * `stopped`: the exit of the last run, at once where nothing runs or is about to and there is one, else of the next;
 * `next-exit`: the next end; `removed`: when the container is gone, the exit it had.
 */
export function wait(
  context: Context,
  ref: string,
  condition: NonNullable<WaitQuery['condition']>,
  signal: AbortSignal,
): Promise<Exit> {
  const container = context.containers.find(ref);
  const { row } = container;
  const isAtRest = container.run === undefined && container.nextStart === undefined;
  if (condition === 'stopped' && isAtRest && row.exit !== null) return Promise.resolve(row.exit);
  return new Promise((resolve, reject) => {
    const done = () => {
      stopListening();
      signal.removeEventListener('abort', aborted);
    };
    const aborted = () => {
      done();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const stopListening = container.onEnding((ending) => {
      if (ending.is === 'exited') {
        if (condition === 'removed') return;
        done();
        resolve(ending.exit);
        return;
      }
      done();
      if (condition === 'removed') resolve(ending.exit ?? neverRan(container.row.failure));
      else reject(new EngineError('container_not_found', `container ${container.name} was removed`));
    });
    signal.addEventListener('abort', aborted);
    if (signal.aborted) aborted();
  });
}

/** There is no exit to give for what never ran; that is not an exit of 0. */
function neverRan(failure: string | null): Exit {
  return { unknown: true, oomKilled: false, at: nowTimestamp(), ...(failure === null ? {} : { failure }) };
}
