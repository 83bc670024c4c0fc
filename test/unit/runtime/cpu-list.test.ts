import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { numberMask, parseNumberList } from '../../../daemon/runtime/spec/cpu-list.ts';

test('lists of numbers, and what is none', () => {
  assert.deepEqual(parseNumberList('0-3,7', 7), [0, 1, 2, 3, 7]);
  assert.deepEqual(parseNumberList(' 5 , 1-2,1', 7), [1, 2, 5]);
  for (const text of ['', ',', '1,', 'a', '3-1', '8', '0-8', '1-', '-1', '1 2', '0x1', '99999999999999']) {
    assert.equal(parseNumberList(text, 7), undefined, text);
  }
});

test('a mask has the bits of its numbers and no other, in whole words', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(8191), { minLength: 1, maxLength: 20 }), (numbers) => {
      const mask = numberMask(numbers);
      assert.equal(mask.length % 8, 0);
      const found: number[] = [];
      for (let number = 0; number < mask.length * 8; number++) {
        if (((mask[number >> 3] ?? 0) & (1 << (number & 7))) !== 0) found.push(number);
      }
      assert.deepEqual(
        found,
        [...numbers].sort((a, b) => a - b),
      );
    }),
  );
});
