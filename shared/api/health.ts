/** Health checks: what is asked for at create, and what inspect shows of them. */
import { Type, type Static } from '@sinclair/typebox';
import { Nanoseconds, NoNul, Timestamp, closed } from './common.ts';

/** In place of what the image says, field by field. Times in nanoseconds, at least a millisecond; 0: the default. */
export const HealthcheckRequest = closed({
  /** [] as the image has it; ["NONE"]; ["CMD", …]; ["CMD-SHELL", command]. */
  test: Type.Optional(Type.Array(NoNul, { maxItems: 65_536 })),
  interval: Type.Optional(Nanoseconds),
  timeout: Type.Optional(Nanoseconds),
  startPeriod: Type.Optional(Nanoseconds),
  startInterval: Type.Optional(Nanoseconds),
  retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  /** What follows an unhealthy one: nothing (default), or that it is restarted. */
  onUnhealthy: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('restart')])),
});
export type HealthcheckRequest = Static<typeof HealthcheckRequest>;

export const HEALTH_STATUSES = ['starting', 'healthy', 'unhealthy'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** One probe of the health check. */
export const HealthProbe = Type.Object({
  startedAt: Timestamp,
  endedAt: Timestamp,
  /** -1: it did not end in time, or could not be begun. */
  exitCode: Type.Integer(),
  /** The first 4 KiB of what it wrote. */
  output: Type.String(),
});
export type HealthProbe = Static<typeof HealthProbe>;

/** Absent where there is no health check, or the container has never run. */
export const Health = Type.Object({
  status: Type.Union(HEALTH_STATUSES.map((name) => Type.Literal(name))),
  failingStreak: Type.Integer(),
  /** The last five, oldest first. */
  probes: Type.Array(HealthProbe),
});
export type Health = Static<typeof Health>;
