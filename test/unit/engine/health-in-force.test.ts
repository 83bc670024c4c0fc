/** Which health check a container has: its image's and what was asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { healthcheckInForce, mergeHealthcheck } from '../../../daemon/engine/health/in-force.ts';
import type { HealthcheckRequest } from '../../../shared/api/health.ts';

const SECOND = 1e9;
const IMAGE = { test: ['CMD-SHELL', 'probe'], interval: 5 * SECOND, retries: 7 };

test('defaults, and the image with what was asked for in its place, field by field', () => {
  assert.deepEqual(healthcheckInForce({ test: ['CMD', 'true'] }, undefined).healthcheck, {
    test: ['CMD', 'true'],
    interval: 30 * SECOND,
    timeout: 30 * SECOND,
    startPeriod: 0,
    startInterval: 5 * SECOND,
    retries: 3,
    onUnhealthy: 'none',
  });
  assert.deepEqual(healthcheckInForce({ retries: 2, timeout: SECOND, onUnhealthy: 'restart' }, IMAGE).healthcheck, {
    test: ['CMD-SHELL', 'probe'],
    interval: 5 * SECOND,
    timeout: SECOND,
    startPeriod: 0,
    startInterval: 5 * SECOND,
    retries: 2,
    onUnhealthy: 'restart',
  });
  const other = healthcheckInForce({ test: ['CMD', 'mine'], interval: 0 }, IMAGE).healthcheck;
  assert.deepEqual([other?.test, other?.interval], [['CMD', 'mine'], 5 * SECOND]);
});

test('there is none where nobody says one, or somebody says NONE', () => {
  const none = { healthcheck: null, warnings: [] };
  assert.deepEqual(healthcheckInForce(undefined, undefined), none);
  assert.deepEqual(healthcheckInForce({ interval: SECOND }, undefined), none);
  assert.deepEqual(healthcheckInForce({ test: ['NONE'] }, IMAGE), none);
  assert.deepEqual(healthcheckInForce(undefined, { ...IMAGE, test: ['NONE'] }), none);
  assert.notEqual(healthcheckInForce({ test: ['CMD', 'x'] }, { ...IMAGE, test: ['NONE'] }).healthcheck, null);
});

test('what was asked for wrongly is refused; of an image it is a warning', () => {
  const refused = (request: HealthcheckRequest, field: string): void => {
    assert.throws(() => healthcheckInForce(request, IMAGE), { code: 'invalid_field', field });
  };
  for (const test of [['FOO', 'x'], ['CMD'], ['CMD-SHELL']]) {
    refused({ test }, 'healthcheck.test');
    const { healthcheck, warnings } = healthcheckInForce(undefined, { test });
    assert.deepEqual([healthcheck, warnings.length], [null, 1]);
  }
  for (const name of ['interval', 'timeout', 'startPeriod', 'startInterval'] as const) {
    refused({ [name]: 999_999 }, `healthcheck.${name}`);
    assert.equal(healthcheckInForce({ [name]: 1_000_000 }, IMAGE).healthcheck?.[name], 1_000_000);
  }
});

test('whatever is asked for, what it says stands, and the image says the rest', () => {
  const field = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
  const part = fc.record({ interval: field, timeout: field, startPeriod: field, startInterval: field, retries: field });
  const defined = part.map(
    (given) =>
      Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as HealthcheckRequest,
  );
  fc.assert(
    fc.property(defined, defined, (asked, image) => {
      const merged = mergeHealthcheck(asked, image) ?? {};
      for (const name of ['interval', 'timeout', 'startPeriod', 'startInterval', 'retries'] as const) {
        assert.equal(merged[name] ?? 0, (asked[name] ?? 0) || (image[name] ?? 0));
      }
    }),
  );
});
