import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { bodyFrom } from '../../../daemon/engine/files/body-reader.ts';
import { ConnectionFailure } from '../../../daemon/engine/errors.ts';
import { socketpair } from '../../../native-bindings/socketpair.ts';
import { ChunkedDecoder } from '../../../shared/chunked.ts';

const never = new AbortController().signal;

function pair(t: TestContext): { readonly ours: number; readonly theirs: number; hangUp(): void } {
  const [ours, theirs] = socketpair();
  let isOpen = true;
  const hangUp = (): void => {
    if (isOpen) closeSync(theirs);
    isOpen = false;
  };
  t.after(() => {
    closeSync(ours);
    hangUp();
  });
  return { ours, theirs, hangUp };
}

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

const fails = (fault: string) => (error: unknown) => error instanceof ConnectionFailure && error.fault === fault;

test('what was sent in chunks comes out, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 }),
      fc.array(fc.nat(30), { minLength: 1, maxLength: 20 }),
      fc.constantFrom('', 'a: b\r\n', 'a: b\r\nc: d\r\n'),
      (chunks, cuts, trailer) => {
        const parts = chunks.flatMap((data) => [`${data.length.toString(16)}\r\n`, data, '\r\n']);
        const sent = Buffer.concat([...parts, `0;last\r\n${trailer}\r\n`].map((part) => Buffer.from(part)));
        const decoder = new ChunkedDecoder();
        const came: Buffer[] = [];
        for (let at = 0, cut = 0; at < sent.length; cut++) {
          assert.equal(decoder.ended, false);
          const until = at + (cuts[cut % cuts.length] ?? 0) + 1;
          for (const part of decoder.data(sent.subarray(at, until))) came.push(Buffer.from(part));
          at = until;
        }
        assert.equal(decoder.ended, true);
        assert.ok(Buffer.concat(came).equals(Buffer.concat(chunks)));
      },
    ),
  );
});

test('what is no chunk is refused, whatever it is, and nothing is kept of a line without end', () => {
  for (const text of ['\r\n', 'x\r\n', '-1\r\n', '1\n', '1\r\nab\r\n', '0\r\n\r\nmore', `1;${'x'.repeat(5000)}`]) {
    const decoder = new ChunkedDecoder();
    assert.throws(() => [...decoder.data(Buffer.from(text))], { name: 'MalformedChunk' }, text);
  }
  const decoder = new ChunkedDecoder();
  const trailer = Buffer.from(`0\r\n${`a: ${'b'.repeat(1000)}\r\n`.repeat(20)}`);
  assert.throws(() => [...decoder.data(trailer)], { name: 'MalformedChunk' });
});

test('a body ends where it says, in chunks or by its length', async (t) => {
  const { ours, theirs } = pair(t);
  writeSync(theirs, '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
  assert.equal((await all(bodyFrom({ fd: ours }, never))).toString(), 'abcde');
  writeSync(theirs, 'fghij');
  assert.equal((await all(bodyFrom({ fd: ours, length: 5 }, never))).toString(), 'fghij');
  assert.equal((await all(bodyFrom({ fd: ours, length: 0 }, never))).length, 0);
});

test('one that breaks off, or that is none, is an error', async (t) => {
  const first = pair(t);
  writeSync(first.theirs, '3\r\nab');
  first.hangUp();
  await assert.rejects(all(bodyFrom({ fd: first.ours }, never)), fails('gone'));
  const second = pair(t);
  writeSync(second.theirs, 'nothing of the kind\r\n');
  await assert.rejects(all(bodyFrom({ fd: second.ours }, never)), fails('malformed'));
});

test('waiting for bytes ends with the signal', async (t) => {
  const { ours } = pair(t);
  const abortion = new AbortController();
  const reading = all(bodyFrom({ fd: ours }, abortion.signal));
  abortion.abort(new Error('enough'));
  await assert.rejects(reading, /enough/);
});
