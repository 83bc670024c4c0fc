import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '../../../client/errors.ts';
import { detachKeysOf, parseDetachKeys } from '../../../client/stream/detach-keys.ts';
import { DetachKeys } from '../../../shared/detach-keys.ts';

const P = 0x10;
const Q = 0x11;

function typed(keys: DetachKeys, ...bytes: readonly number[]): { forward: number[]; detached: boolean } {
  const { forward, detached } = keys.feed(Buffer.from(bytes));
  return { forward: [...forward], detached };
}

describe('detach keys', () => {
  it('are read as docker writes them', () => {
    assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), [P, Q]);
    assert.deepEqual(parseDetachKeys('ctrl-@,ctrl-[,ctrl-_,a'), [0, 27, 31, 97]);
    assert.deepEqual(parseDetachKeys('CTRL-A,DEL'), [1, 127]);
    assert.deepEqual(parseDetachKeys(''), []);
    for (const text of ['ctrl-1', 'ctrl-', 'ab', 'a,,b', 'é']) assert.throws(() => parseDetachKeys(text), UsageError);
  });

  it('are those given, else those of the container, else docker’s', () => {
    assert.deepEqual(detachKeysOf('x', { detachKeys: 'y' }), [120]);
    assert.deepEqual(detachKeysOf(undefined, { detachKeys: 'y' }), [121]);
    assert.deepEqual(detachKeysOf(undefined, { detachKeys: '' }), []);
    for (const request of [undefined, null, {}, { detachKeys: 7 }])
      assert.deepEqual(detachKeysOf(undefined, request), [P, Q]);
  });

  it('let go, in one piece or in two, and drop what follows', () => {
    assert.deepEqual(typed(new DetachKeys([P, Q]), 1, P, Q, 2), { forward: [1], detached: true });
    const keys = new DetachKeys([P, Q]);
    assert.deepEqual(typed(keys, 1, P), { forward: [1], detached: false });
    assert.equal(keys.pending, true);
    assert.deepEqual(typed(keys, Q), { forward: [], detached: true });
  });

  it('are passed on when they turn out not to be the sequence', () => {
    const keys = new DetachKeys([P, Q]);
    typed(keys, P);
    assert.deepEqual(typed(keys, 1), { forward: [P, 1], detached: false });
    assert.deepEqual(typed(keys, P, P), { forward: [P], detached: false });
    assert.deepEqual(typed(keys, Q), { forward: [], detached: true });
  });

  it('may be released early and still count', () => {
    const keys = new DetachKeys([P, Q]);
    typed(keys, P);
    assert.deepEqual([...keys.release()], [P]);
    assert.equal(keys.pending, false);
    assert.deepEqual([...keys.release()], []);
    assert.deepEqual(typed(keys, Q), { forward: [], detached: true });
    typed(keys, P);
    keys.release();
    assert.deepEqual(typed(keys, 1), { forward: [1], detached: false });
  });

  it('find a sequence that begins within itself', () => {
    assert.deepEqual(typed(new DetachKeys([1, 1, 2]), 1, 1, 1, 2), { forward: [1], detached: true });
  });

  it('lose and double nothing, whatever is typed and released', () => {
    const key = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.array(key, { maxLength: 5 }), fc.boolean()), { maxLength: 12 }),
        (sequence, steps) => {
          const keys = new DetachKeys(sequence);
          const all: number[] = [];
          const passed: number[] = [];
          for (const [bytes, release] of steps) {
            const { forward, detached } = keys.feed(Buffer.from(bytes));
            passed.push(...forward);
            all.push(...bytes);
            const text = all.join();
            if (detached) {
              assert.ok(text.includes(sequence.join()));
              return;
            }
            assert.ok(!all.some((_, at) => sequence.every((wanted, index) => all[at + index] === wanted)), text);
            if (release) passed.push(...keys.release());
          }
          passed.push(...keys.release());
          assert.deepEqual(passed, all);
        },
      ),
    );
  });
});
