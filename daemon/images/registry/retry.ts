/** Another try after a pause: exponential backoff with jitter, or as long as the registry asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryFailure } from './failure.ts';
import type { Pace, RegistryLimits } from './limits.ts';

export const REAL_PACE: Pace = {
  sleep: async (milliseconds, signal) => {
    try {
      await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : error;
    }
  },
  random: Math.random,
};

/** Pauses before the try number `failures` + 1. Throws `failure` where no further try makes sense. */
export async function pauseAfter(
  failure: unknown,
  failures: number,
  limits: RegistryLimits,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!(failure instanceof RegistryFailure) || !failure.isTransient || failures >= limits.attempts) throw failure;
  const { retryAfter } = failure;
  if (retryAfter !== undefined && retryAfter > limits.retryAfterMax) {
    throw new RegistryFailure(
      failure.code,
      `${failure.message}; it asks to wait ${Math.ceil(retryAfter / 1000)} s, which is too long`,
      { cause: failure, retryAfter, ...(failure.status === undefined ? {} : { status: failure.status }) },
    );
  }
  const ceiling = Math.min(limits.backoffMax, limits.backoff * 2 ** (failures - 1));
  await pace.sleep(retryAfter ?? ceiling * (0.5 + pace.random() / 2), signal);
}

/** Tries until it succeeds, fails for good, or has failed `limits.attempts` times. */
export async function retrying<T>(
  limits: RegistryLimits,
  pace: Pace,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      await pauseAfter(error, failures, limits, pace, signal);
    }
  }
}
