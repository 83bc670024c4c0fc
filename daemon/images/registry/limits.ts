/** How long and how much a registry may take. Times are milliseconds. */
export interface RegistryLimits {
  readonly connectTimeout: number;
  /** From the last byte of a request to the header of its answer. */
  readonly answerTimeout: number;
  /**
   * While the other side is waited for this long, at least `stallBytes` must come or be taken. What a slow consumer of
   * ours takes does not count, and a trickle does not keep a download alive.
   */
  readonly stallTimeout: number;
  readonly stallBytes: number;
  /** For a manifest, a token, a list, an error: from the request to the last byte. */
  readonly documentTimeout: number;
  /** How often a request is tried, in all. */
  readonly attempts: number;
  /** The first pause is up to this; each later one up to twice the one before, up to `backoffMax`. */
  readonly backoff: number;
  readonly backoffMax: number;
  /** A registry that asks for a longer pause is not waited for. */
  readonly retryAfterMax: number;
  readonly redirects: number;
  /** A descriptor of more is refused: no layer that exists comes near. */
  readonly blobBytesMax: number;
}

export const DEFAULT_LIMITS: RegistryLimits = {
  connectTimeout: 15_000,
  answerTimeout: 60_000,
  stallTimeout: 30_000,
  stallBytes: 16 * 1024,
  documentTimeout: 60_000,
  attempts: 5,
  backoff: 500,
  backoffMax: 15_000,
  retryAfterMax: 60_000,
  redirects: 8,
  blobBytesMax: 256 * 1024 ** 3,
};

/** Of a mirror: the registry itself is asked instead before long. */
export function mirrorLimits(limits: RegistryLimits): RegistryLimits {
  return { ...limits, attempts: Math.min(limits.attempts, 2) };
}

/** Time as retries see it; a test has its own. */
export interface Pace {
  /** Rejects with the signal's reason where it is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Within [0, 1). */
  readonly random: () => number;
}
