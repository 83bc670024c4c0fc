/** What probes come to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  STARTING,
  afterProbe,
  healthAtEnd,
  untilNextProbe,
  type Healthcheck,
} from '../../../daemon/engine/health/state.ts';
import type { Health, HealthProbe } from '../../../shared/api/health.ts';

const SECOND = 1e9;
const at = '2026-01-01T00:00:00.000000000Z';

function check(given: Partial<Healthcheck> = {}): Healthcheck {
  const times = { interval: 30 * SECOND, timeout: 30 * SECOND, startPeriod: 0, startInterval: 5 * SECOND };
  return { test: ['CMD', 'true'], ...times, retries: 3, onUnhealthy: 'none', ...given };
}

const probe = (exitCode: number): HealthProbe => ({ startedAt: at, endedAt: at, exitCode, output: '' });

/** One probe a second, from the first on. */
function after(codes: readonly number[], given: Partial<Healthcheck> = {}): Health {
  let health = STARTING;
  for (const [index, code] of codes.entries()) health = afterProbe(health, probe(code), check(given), index * 1000);
  return health;
}

test('the first success makes it healthy, so many failures in a row unhealthy', () => {
  assert.equal(after([]).status, 'starting');
  assert.deepEqual([after([1, 2]).status, after([1, 2]).failingStreak], ['starting', 2]);
  assert.deepEqual([after([1, 2, -1]).status, after([1, 2, -1]).failingStreak], ['unhealthy', 3]);
  assert.deepEqual([after([1, 1, 0]).status, after([1, 1, 0]).failingStreak], ['healthy', 0]);
  assert.equal(after([0, 1, 1]).status, 'healthy');
  assert.equal(after([0, 1, 1, 1]).status, 'unhealthy');
  assert.equal(after([1, 1, 1, 0]).status, 'healthy');
});

test('failures in the start period do not count, and the first success ends it', () => {
  const period = { startPeriod: 5 * SECOND, retries: 1 };
  assert.deepEqual([after([1, 1, 1, 1, 1], period).status, after([1, 1, 1], period).failingStreak], ['starting', 0]);
  assert.equal(after([1, 1, 1, 1, 1, 1], period).status, 'unhealthy');
  assert.equal(after([0, 1], period).status, 'unhealthy', 'it was up already');
});

test('while it starts the start interval counts, else the interval', () => {
  const starting = check({ startPeriod: 20 * SECOND, startInterval: 2 * SECOND, interval: 7 * SECOND });
  assert.equal(untilNextProbe(STARTING, starting, 0), 2000);
  assert.equal(untilNextProbe(STARTING, starting, 20_000), 7000);
  assert.equal(untilNextProbe(after([0]), starting, 0), 7000);
  assert.equal(untilNextProbe(STARTING, check(), 0), 30_000);
});

test('of an end nothing is known to be healthy', () => {
  assert.equal(healthAtEnd(after([0])).status, 'unhealthy');
  assert.equal(healthAtEnd(after([0])).probes.length, 1);
});

test('whatever probes say: the streak is that of the last failures, the last five are kept, the status follows', () => {
  const codes = fc.array(fc.constantFrom(0, 1, 7, -1), { maxLength: 60 });
  fc.assert(
    fc.property(codes, fc.integer({ min: 1, max: 5 }), fc.nat(30), (given, retries, period) => {
      const health = after(given, { retries, startPeriod: period * SECOND });
      assert.deepEqual(
        health.probes.map(({ exitCode }) => exitCode),
        given.slice(-5),
      );
      const last = given.lastIndexOf(0);
      // before a first success those of the start period are not among them
      const counted = given.slice(last < 0 ? Math.min(period, given.length) : last + 1).length;
      assert.equal(health.failingStreak, counted);
      const calm = last < 0 ? 'starting' : 'healthy';
      assert.equal(health.status, counted >= retries ? 'unhealthy' : calm);
    }),
  );
});
