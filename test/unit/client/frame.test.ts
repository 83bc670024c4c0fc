import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameDecoder, OPCODE, frameHeader } from '../../../client/websocket/frame.ts';

interface Message {
  readonly bytes: Buffer;
  readonly parts: number;
}

class Recorder {
  readonly messages: Message[] = [];
  readonly pings: string[] = [];
  readonly closes: { code: number; reason: string }[] = [];
  #parts: Buffer[] = [];
  readonly decoder = new FrameDecoder({
    message: (part, first, last) => {
      assert.equal(first, this.#parts.length === 0);
      this.#parts.push(Buffer.from(part));
      if (!last) return;
      this.messages.push({ bytes: Buffer.concat(this.#parts), parts: this.#parts.length });
      this.#parts = [];
    },
    ping: (payload) => {
      this.pings.push(payload.toString());
    },
    close: (code, reason) => {
      this.closes.push({ code, reason });
    },
  });
}

/** A server's frame: a client's without its mask. */
function frame(opcode: number, payload: Buffer, final = true): Buffer {
  const header = frameHeader(opcode, payload.length).subarray(0, -4);
  header[0] = (final ? 0x80 : 0) | opcode;
  header[1] = (header[1] ?? 0) & 0x7f;
  return Buffer.concat([header, payload]);
}

/** A message in as many frames as `parts`, with a ping between them. */
function fragmented(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part, index) => [
      frame(index === 0 ? OPCODE.binary : OPCODE.continuation, part, index === parts.length - 1),
      frame(OPCODE.ping, Buffer.from(`p${String(index)}`)),
    ]),
  );
}

function feedInPieces(recorder: Recorder, bytes: Buffer, cuts: readonly number[]): void {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, start] of places.slice(0, -1).entries()) {
    // A buffer of its own each time, as from a socket: what is overwritten later must not matter.
    const piece = Buffer.from(bytes.subarray(start, places[index + 1]));
    recorder.decoder.feed(piece);
    piece.fill(0xff);
  }
}

const payload = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));

describe('websocket frames', () => {
  it('are read however they are cut and fragmented', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(payload, { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
        fc.array(fc.nat(8000), { maxLength: 30 }),
        (messages, cuts) => {
          const recorder = new Recorder();
          feedInPieces(recorder, Buffer.concat(messages.map(fragmented)), cuts);
          assert.deepEqual(
            recorder.messages.map(({ bytes }) => bytes),
            messages.map((parts) => Buffer.concat(parts)),
          );
          assert.equal(recorder.pings.length, messages.flat().length);
        },
      ),
    );
  });

  it('have lengths of every size', () => {
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 200_000]) {
      const recorder = new Recorder();
      feedInPieces(recorder, frame(OPCODE.binary, Buffer.alloc(length, 7)), [1, 3, 9, 70_000]);
      assert.equal(recorder.messages[0]?.bytes.length, length);
    }
  });

  it('are not collected: a long message arrives in parts', () => {
    const recorder = new Recorder();
    feedInPieces(recorder, frame(OPCODE.binary, Buffer.alloc(1000)), [100, 500]);
    assert.equal(recorder.messages[0]?.parts, 3);
  });

  it('close with a code and a reason, or without', () => {
    const recorder = new Recorder();
    recorder.decoder.feed(frame(OPCODE.close, Buffer.concat([Buffer.from([0x03, 0xe9]), Buffer.from('bye')])));
    recorder.decoder.feed(frame(OPCODE.close, Buffer.alloc(0)));
    assert.deepEqual(recorder.closes, [
      { code: 1001, reason: 'bye' },
      { code: 1005, reason: '' },
    ]);
  });

  it('that break the protocol are refused', () => {
    const broken: readonly Buffer[] = [
      Buffer.from([0x82, 0x80, 0, 0, 0, 0]),
      Buffer.from([0xc2, 0]),
      Buffer.from([0x83, 0]),
      Buffer.from([0x8b, 0]),
      Buffer.from([0x09, 0]),
      Buffer.from([0x89, 126, 0, 200]),
      frame(OPCODE.continuation, Buffer.alloc(1)),
      Buffer.concat([frame(OPCODE.binary, Buffer.alloc(1), false), frame(OPCODE.binary, Buffer.alloc(1))]),
      Buffer.from([0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (const bytes of broken) {
      assert.throws(() => {
        new Recorder().decoder.feed(bytes);
      }, /websocket/);
    }
  });

  it('of a client say that they are masked', () => {
    assert.deepEqual([...frameHeader(OPCODE.binary, 5)], [0x82, 0x85, 0, 0, 0, 0]);
    assert.deepEqual([...frameHeader(OPCODE.binary, 256, Buffer.from([1, 2, 3, 4]))], [0x82, 0xfe, 1, 0, 1, 2, 3, 4]);
    assert.equal(frameHeader(OPCODE.binary, 70_000).length, 14);
  });
});
