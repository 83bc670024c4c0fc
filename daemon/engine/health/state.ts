/** What probes come to: the health of a container, as Docker reckons it (docs.docker.com: Dockerfile, HEALTHCHECK). Pure. */
import type { Health, HealthProbe, HealthcheckRequest } from '../../../shared/api/health.ts';

/** A health check with every field filled; times in nanoseconds. */
export type Healthcheck = Required<HealthcheckRequest>;

const PROBES_KEPT = 5;
const NS_PER_MS = 1e6;

export const STARTING: Health = { status: 'starting', failingStreak: 0, probes: [] };

/** @param sinceStart - milliseconds from the start of the container to that of the probe */
export function afterProbe(health: Health, probe: HealthProbe, check: Healthcheck, sinceStart: number): Health {
  const probes = [...health.probes, probe].slice(-PROBES_KEPT);
  if (probe.exitCode === 0) return { status: 'healthy', failingStreak: 0, probes };
  // until the first success, a failure while it starts is expected
  const isExpected = health.status === 'starting' && sinceStart < check.startPeriod / NS_PER_MS;
  const failingStreak = health.failingStreak + (isExpected ? 0 : 1);
  const status = !isExpected && failingStreak >= check.retries ? 'unhealthy' : health.status;
  return { status, failingStreak, probes };
}

/** Nobody looks after it any more: what is not known is not healthy. */
export function healthAtEnd(health: Health): Health {
  return { ...health, status: 'unhealthy' };
}

/** Milliseconds until the next probe. `sinceStart`: as above, until now. */
export function untilNextProbe({ status }: Health, check: Healthcheck, sinceStart: number): number {
  const isStarting = status === 'starting' && sinceStart < check.startPeriod / NS_PER_MS;
  return (isStarting ? check.startInterval : check.interval) / NS_PER_MS;
}
