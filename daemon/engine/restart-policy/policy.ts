/** What a restart policy says, as Docker has it (docs.docker.com: "Start containers automatically"). Pure. */
import type { Exit, RestartPolicy } from '../../../shared/api/container.ts';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;
/** Who ran so long has come up: the next delay is the first one again. */
const SETTLED_AFTER_MS = 10_000;

/** Of one that has ended. */
export interface EndedRun {
  /** null: nobody knows, as it never came to run or is of another time. */
  readonly exit: Exit | null;
  /** How often the policy has started it again since its user did. */
  readonly restartCount: number;
  /** Its user ended it. */
  readonly stoppedByUser: boolean;
}

/** Whether it is started again now that it has ended. */
export function followsEnd(policy: RestartPolicy, { exit, restartCount, stoppedByUser }: EndedRun): boolean {
  if (stoppedByUser) return false;
  switch (policy.name) {
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure': {
      const most = policy.maximumRetryCount ?? 0;
      return hasFailed(exit) && (most === 0 || restartCount < most);
    }
  }
}

/**
 * Whether a daemon that starts, in this boot or the next, starts it: what waited, or would have. `always` comes back also
 * where its user had ended it. `on-failure` does not, as Docker documents it (and other than dockerd does).
 */
export function followsDaemon(policy: RestartPolicy, ended: EndedRun): boolean {
  return policy.name === 'always' || followsEnd(policy, ended);
}

/** An end that nobody saw is no success. */
function hasFailed(exit: Exit | null): boolean {
  return exit !== null && exit.code !== 0;
}

/** Milliseconds until the next start. `previous`: the one before; undefined: there was none. `ran`: how long the last run was. */
export function nextDelay(previous: number | undefined, ran: number): number {
  if (previous === undefined || ran >= SETTLED_AFTER_MS) return FIRST_DELAY_MS;
  return Math.min(previous * 2, LONGEST_DELAY_MS);
}
