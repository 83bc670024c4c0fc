/**
 * Counts requests as they end, in plain numbers, so that a request costs no more than an addition; prom-client is
 * loaded by the first `GET /metrics` (system/prometheus.ts), which turns these numbers into metrics.
 */

/** Upper bounds in seconds; what takes longer is in +Inf only. */
export const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10] as const;

export interface RouteCounts {
  readonly method: string;
  readonly route: string;
  count: number;
  seconds: number;
  /** Not cumulative: how many fell under each bound and over the one before. */
  readonly buckets: number[];
  readonly statuses: Map<number, number>;
  /** Answers that were problems, by code. */
  readonly problems: Map<string, number>;
}

export interface EndedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Of the problem it was answered with. */
  readonly code: string | undefined;
}

export interface RequestRecorder {
  record(request: EndedRequest): void;
  routes(): IterableIterator<RouteCounts>;
}

export function createRequestRecorder(): RequestRecorder {
  const byRoute = new Map<string, RouteCounts>();
  return {
    record({ method, route, status, milliseconds, code }) {
      const key = `${method} ${route}`;
      let counts = byRoute.get(key);
      if (counts === undefined) {
        const buckets = new Array<number>(BUCKETS.length).fill(0);
        counts = { method, route, count: 0, seconds: 0, buckets, statuses: new Map(), problems: new Map() };
        byRoute.set(key, counts);
      }
      const seconds = milliseconds / 1000;
      counts.count++;
      counts.seconds += seconds;
      counts.statuses.set(status, (counts.statuses.get(status) ?? 0) + 1);
      if (code !== undefined) counts.problems.set(code, (counts.problems.get(code) ?? 0) + 1);
      const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
      if (bucket !== -1) counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
    },
    routes: () => byRoute.values(),
  };
}
