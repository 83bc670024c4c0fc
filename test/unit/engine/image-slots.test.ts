import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from '../../../daemon/engine/images/slots.ts';

const never = new AbortController().signal;

test('so many run at a time, in the order in which they came', async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<undefined>());
  const all = ends.map(({ promise }, index) =>
    slots.run(never, async () => {
      begun.push(index);
      await promise;
      return index;
    }),
  );
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.resolve(undefined);
  await all[1];
  assert.deepEqual(begun, [0, 1, 2]);
  for (const { resolve } of ends) resolve(undefined);
  assert.deepEqual(await Promise.all(all), [0, 1, 2, 3, 4]);
});

test('who fails leaves the place to the next; who gives up has none to leave', async () => {
  const slots = new Slots(1);
  const end = Promise.withResolvers<undefined>();
  const failing = slots.run(never, async () => {
    await end.promise;
    throw new Error('failed');
  });
  const abort = new AbortController();
  const given = slots.run(abort.signal, () => Promise.resolve('ran'));
  const last = slots.run(never, () => Promise.resolve('ran'));
  abort.abort(new Error('given up'));
  await assert.rejects(given, /given up/);
  end.resolve(undefined);
  await assert.rejects(failing, /failed/);
  assert.equal(await last, 'ran');
  await assert.rejects(
    slots.run(abort.signal, () => Promise.resolve('ran')),
    /given up/,
  );
  assert.equal(await slots.run(never, () => Promise.resolve('ran')), 'ran');
});
