import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../../daemon/images/store/turns.ts';

test('work for one key is done in order, whatever comes of it; other keys do not wait', async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<undefined>();
  const order: string[] = [];
  const first = turns.run('a', async () => {
    await gate.promise;
    order.push('first');
    throw new Error('no');
  });
  const second = turns.run('a', () => order.push('second'));
  await turns.run('b', () => order.push('other'));
  assert.ok(turns.isTaken('a'));
  gate.resolve(undefined);
  await assert.rejects(first, /no/);
  await second;
  assert.deepEqual(order, ['other', 'first', 'second']);
  await turns.run('a', () => undefined);
  await new Promise(setImmediate);
  assert.equal(turns.isTaken('a'), false);
  assert.equal(turns.isTaken('b'), false);
});

test('who gives up leaves the queue, and those behind still wait for those in front', async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<undefined>();
  const order: string[] = [];
  const first = turns.run('a', async () => {
    await gate.promise;
    order.push('first');
  });
  const abort = new AbortController();
  const given = turns.run('a', () => order.push('given up'), abort.signal);
  const last = turns.run('a', () => order.push('last'), new AbortController().signal);
  abort.abort(new Error('given up'));
  await assert.rejects(given, /given up/);
  assert.ok(turns.isTaken('a'));
  await assert.rejects(
    turns.run('c', () => order.push('never'), abort.signal),
    /given up/,
  );
  gate.resolve(undefined);
  await Promise.all([first, last]);
  assert.deepEqual(order, ['first', 'last']);
});
