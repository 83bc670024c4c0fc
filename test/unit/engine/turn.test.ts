import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Turn } from '../../../daemon/engine/turn.ts';

test('work runs in the order it was asked for, one at a time, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ yields: fc.nat(4), fails: fc.boolean() }), { maxLength: 20 }),
      async (works) => {
        const turn = new Turn();
        const began: number[] = [];
        let running = 0;
        const results = works.map(({ yields, fails }, index) =>
          turn.run(async () => {
            began.push(index);
            running += 1;
            assert.equal(running, 1);
            for (let left = yields; left > 0; left--) await Promise.resolve();
            running -= 1;
            if (fails) throw new Error(String(index));
            return index;
          }),
        );
        const settled = await Promise.allSettled(results);
        assert.deepEqual(
          began,
          works.map((_, index) => index),
        );
        settled.forEach((result, index) => {
          assert.equal(result.status, works[index]?.fails === true ? 'rejected' : 'fulfilled');
        });
        assert.equal(turn.taken, false);
      },
    ),
    { numRuns: 50 },
  );
});

test('with nobody in front, work begins at once', () => {
  const turn = new Turn();
  let began = false;
  void turn.run(() => {
    began = true;
  });
  assert.ok(began);
});

test('what the work itself asks for comes after it', async () => {
  const turn = new Turn();
  const order: string[] = [];
  let later: Promise<void> | undefined;
  await turn.run(async () => {
    later = turn.run(() => {
      order.push('later');
    });
    await Promise.resolve();
    order.push('first');
  });
  await later;
  assert.deepEqual(order, ['first', 'later']);
});
