/** Messages over TCP come out as they went in, however the stream was cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frames, frame } from '../../../daemon/network/dns/frames.ts';

const LONGEST = 4096;

test('messages come out as they went in, however the stream was cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }), (list, sizes) => {
      const stream = Buffer.concat(list.map((message) => frame(Buffer.from(message))));
      const frames = new Frames(LONGEST);
      const taken: number[][] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        frames.add(stream.subarray(at, at + size));
        at += size;
        for (let message = frames.take(); message !== undefined; message = frames.take()) taken.push([...message]);
      }
      assert.deepEqual(
        taken,
        list.map((message) => [...message]),
      );
      assert.ok(!frames.isTooLong && frames.take() === undefined);
    }),
  );
});

test('a message that is too long is known by its first two bytes, and not taken', () => {
  const frames = new Frames(LONGEST);
  frames.add(frame(Buffer.alloc(LONGEST)));
  assert.ok(!frames.isTooLong);
  assert.equal(frames.take()?.length, LONGEST);
  frames.add(Buffer.from([0x10]));
  assert.ok(!frames.isTooLong);
  frames.add(Buffer.from([0x01]));
  assert.ok(frames.isTooLong);
  assert.equal(frames.take(), undefined);
});
