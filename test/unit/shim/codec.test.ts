import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameParser, ProtocolError, encodeMessage, encodeRawHeader } from '../../../daemon/shim/codec.ts';
import { MAX_DATA, MESSAGES, PROTOCOL_VERSION, STDIO } from '../../../daemon/shim/messages.ts';
import type { Message, MessageName } from '../../../daemon/shim/messages.ts';
import type { FieldKind, Fields } from '../../../shared/wire/fields.ts';
import { Shim, plan, shell } from './shim.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.replaceAll('\0', ''));
const u64 = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.bigInt({ min: 1n << 53n, max: (1n << 64n) - 1n }));
const i64 = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.bigInt({ min: -(1n << 63n), max: -(1n << 53n) }));
const bytes = fc.uint8Array({ maxLength: 3000 }).map((value) => Buffer.from(value));

const KINDS: Readonly<Record<FieldKind, fc.Arbitrary<unknown>>> = {
  u64,
  i64,
  str: text,
  bytes,
  strs: fc.array(text),
  u64s: fc.array(u64),
};

function messagesOf(side: 'client' | 'shim'): fc.Arbitrary<Message> {
  const names = (Object.keys(MESSAGES) as MessageName[]).filter((name) => MESSAGES[name].from === side);
  return fc.oneof(
    ...names.map((is) => {
      const fields: Fields = MESSAGES[is].fields;
      const values =
        'raw' in MESSAGES[is]
          ? { data: bytes }
          : Object.fromEntries(Object.entries(fields).map(([name, kind]) => [name, KINDS[kind]]));
      return fc.record(
        { is: fc.constant(is), tag: fc.nat(0xffff_ffff), ...values },
        { noNullPrototype: true },
      ) as unknown as fc.Arbitrary<Message>;
    }),
  );
}

for (const side of ['client', 'shim'] as const) {
  test(`what is encoded is decoded, however it is cut up: messages of the ${side}`, () => {
    fc.assert(
      fc.property(
        fc.array(messagesOf(side), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map(encodeMessage));
          const parser = new FrameParser(side);
          const out: Message[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length] ?? 1;
            for (const message of parser.push(stream.subarray(at, at + size))) out.push(message);
            at += size;
          }
          assert.deepEqual(out, messages);
          assert.equal(parser.pending, 0);
        },
      ),
    );
  });
}

test('a parser takes messages of its side only, and no longer ones than agreed', () => {
  const push = (side: 'client' | 'shim', frame: Buffer): Message[] => [...new FrameParser(side).push(frame)];
  assert.throws(() => push('shim', encodeMessage({ is: 'status', tag: 0 })), ProtocolError);
  assert.throws(() => push('client', encodeMessage({ is: 'ok', tag: 0 })), ProtocolError);
  assert.throws(() => push('shim', encodeRawHeader('stdout', 0, MAX_DATA + 1)), /at most 65536/);
  assert.throws(() => encodeMessage({ is: 'stdin', tag: 0, data: Buffer.alloc(MAX_DATA + 1) }), ProtocolError);
  const short = encodeMessage({ is: 'detached', tag: 0, reason: 'ended' });
  short.writeUInt32LE(short.length - 12 - 1, 0);
  assert.throws(() => push('shim', short.subarray(0, -1)), /detached: /);
});

test('bytes of raw messages are views of the chunk', () => {
  const chunk = encodeMessage({ is: 'stdout', tag: 0, data: Buffer.from('abc') });
  const [message] = [...new FrameParser('shim').push(chunk)];
  assert.ok(message?.is === 'stdout');
  assert.equal(message.data.buffer, chunk.buffer);
});

const OMITTED: ReadonlySet<MessageName> = new Set(['start', 'signal', 'forget', 'shutdown']);

test('no bytes whatever end the shim or disturb its container', async (t) => {
  const shim = await Shim.run(t);
  const witness = await shim.client().subscribe();
  await witness.started({ stdio: STDIO.pipes, plan: shell('exec sleep 1000') });
  const hello = encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION });
  // No start (it would open a log wherever its path happens to say), no signal, nothing that ends it by being understood.
  const harmless = messagesOf('client').filter(({ is }) => !OMITTED.has(is));
  const omittedTypes = new Set([...OMITTED].map((name): number => MESSAGES[name].type));
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(harmless, { maxLength: 6 }), damage, fc.boolean(), async (messages, changes, greets) => {
      const stream = Buffer.concat([...(greets ? [hello] : []), ...messages.map(encodeMessage)]);
      for (const [at, byte] of changes) {
        const index = at % Math.max(stream.length, 1);
        // A damaged type must not become one of those left out.
        if (index < stream.length && !omittedTypes.has(byte)) stream[index] = byte;
      }
      const client = shim.connect();
      client.socket.end(stream);
      await client.closed();
    }),
    { numRuns: 300 },
  );
  assert.equal((await witness.status()).find(({ process }) => process === '')?.state, 1);
  // A whole plan with its last byte cut off, at every length.
  const whole = plan([{ op: 'umask', mask: 18 }], ['/bin/true', 'an argument']);
  for (let size = 0; size < whole.length; size++) {
    const answer = await witness.start({ process: 'cut', plan: whole.subarray(0, size) });
    assert.equal(answer.is, 'failed', `${String(size)} of ${String(whole.length)} bytes`);
  }
});
