/** Restart policies: what each says of each end, and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { followsDaemon, followsEnd, nextDelay } from '../../../daemon/engine/restart-policy/policy.ts';
import { restartPolicy } from '../../../daemon/engine/restart-policy/of-request.ts';
import { RESTART_POLICIES, type Exit, type RestartPolicy } from '../../../shared/api/container.ts';

const at = '2026-01-01T00:00:00.000000000Z';
const ENDS: Readonly<Record<string, Exit | null>> = {
  success: { unknown: false, code: 0, oomKilled: false, at },
  failure: { unknown: false, code: 3, oomKilled: false, at },
  signal: { unknown: false, code: 137, signal: 'SIGKILL', oomKilled: false, at },
  unseen: { unknown: true, oomKilled: false, at },
  none: null,
};
const FAILURES = new Set(['failure', 'signal', 'unseen']);

test('every policy and every end, by itself and by its user', () => {
  for (const name of RESTART_POLICIES) {
    for (const [end, exit] of Object.entries(ENDS)) {
      const run = { exit, restartCount: 0, stoppedByUser: false };
      const expected = name === 'on-failure' ? FAILURES.has(end) : name !== 'no';
      assert.equal(followsEnd({ name }, run), expected, `${name}, ${end}`);
      assert.equal(followsDaemon({ name }, run), expected, `${name}, ${end}, a daemon later`);
      const byUser = { ...run, stoppedByUser: true };
      assert.equal(followsEnd({ name }, byUser), false, `${name}, ${end}, by its user`);
      assert.equal(followsDaemon({ name }, byUser), name === 'always', `${name}, ${end}, by its user, a daemon later`);
    }
  }
});

test('on-failure goes on so often, 0 is for ever', () => {
  const exit = ENDS.failure ?? null;
  const follows = (maximumRetryCount: number | undefined, restartCount: number): boolean =>
    followsEnd(
      { name: 'on-failure', ...(maximumRetryCount === undefined ? {} : { maximumRetryCount }) },
      { exit, restartCount, stoppedByUser: false },
    );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.nat(2e6), (most, count) => {
      assert.equal(follows(most, count), count < most);
      assert.equal(follows(0, count), true);
      assert.equal(follows(undefined, count), true);
    }),
  );
});

test('the delay doubles from 100 ms to a minute, and begins anew after ten seconds', () => {
  const delays: number[] = [];
  for (let previous: number | undefined; delays.length < 12; previous = delays.at(-1))
    delays.push(nextDelay(previous, 50));
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  assert.equal(nextDelay(60_000, 9_999), 60_000);
  assert.equal(nextDelay(60_000, 10_000), 100);
});

test('however it runs and ends, a delay lies between the first and the longest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 100_000 }), { maxLength: 40 }), (runs) => {
      let delay: number | undefined;
      for (const ran of runs) {
        const next = nextDelay(delay, ran);
        assert.ok(next >= 100 && next <= 60_000);
        if (ran < 10_000 && delay !== undefined) assert.ok(next >= delay);
        delay = next;
      }
    }),
  );
});

test('what a policy cannot be is refused by the name of its field', () => {
  const refused = (asked: RestartPolicy, autoRemove: boolean, field: string): void => {
    assert.throws(() => restartPolicy(asked, autoRemove), { code: 'invalid_field', field });
  };
  for (const name of ['no', 'always', 'unless-stopped'] as const) {
    refused({ name, maximumRetryCount: 1 }, false, 'restart.maximumRetryCount');
    assert.deepEqual(restartPolicy({ name, maximumRetryCount: 0 }, false), { name });
  }
  for (const name of ['on-failure', 'always', 'unless-stopped'] as const) refused({ name }, true, 'restart');
  assert.deepEqual(restartPolicy({ name: 'no' }, true), { name: 'no' });
  assert.deepEqual(restartPolicy(undefined, true), { name: 'no' });
  assert.deepEqual(restartPolicy({ name: 'on-failure' }, false), { name: 'on-failure', maximumRetryCount: 0 });
});
