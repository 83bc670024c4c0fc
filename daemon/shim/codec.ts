/** Messages of the shim protocol (messages.ts) to bytes and back. */
import { MalformedRecord, RecordReader, RecordWriter } from '../../shared/wire/fields.ts';
import { HEADER_SIZE, MAX_DATA, MAX_PAYLOAD, MESSAGES } from './messages.ts';
import type { Message, MessageName } from './messages.ts';
import type { Fields } from '../../shared/wire/fields.ts';

/** The other side does not speak this protocol; the connection is of no use after it. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

interface Kind {
  readonly is: MessageName;
  readonly from: 'client' | 'shim';
  readonly fields: Fields;
  readonly raw: boolean;
}

const KINDS: readonly (Kind | undefined)[] = (() => {
  const kinds: (Kind | undefined)[] = [];
  for (const [name, shape] of Object.entries(MESSAGES)) {
    kinds[shape.type] = { is: name as MessageName, from: shape.from, fields: shape.fields, raw: 'raw' in shape };
  }
  return kinds;
})();

/**
 * The frame of one message. Throws UnencodableValue where a value does not fit its field, ProtocolError where the
 * payload is longer than the other side accepts (MAX_DATA for `data`, else MAX_PAYLOAD).
 */
export function encodeMessage(message: Message): Buffer {
  const type = MESSAGES[message.is].type;
  if ('data' in message) {
    const size = message.data.length;
    if (size > MAX_DATA) throw new ProtocolError(`${message.is}: ${String(size)} bytes, at most ${String(MAX_DATA)}`);
    const frame = Buffer.allocUnsafe(HEADER_SIZE + size);
    writeHeader(frame, size, type, message.tag);
    frame.set(message.data, HEADER_SIZE);
    return frame;
  }
  const writer = new RecordWriter();
  writer.u32(0);
  writer.u16(type);
  writer.u16(0);
  writer.u32(message.tag);
  writer.record(MESSAGES[message.is].fields, message, message.is);
  const size = writer.length - HEADER_SIZE;
  if (size > MAX_PAYLOAD) {
    throw new ProtocolError(`${message.is}: a payload of ${String(size)} bytes, at most ${String(MAX_PAYLOAD)}`);
  }
  writer.patchU32(0, size);
  return writer.take();
}

/** The header alone of a raw message of `size` bytes, where the bytes are to be written after it without a copy. */
export function encodeRawHeader(is: 'stdin' | 'stdout' | 'stderr', tag: number, size: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_SIZE);
  writeHeader(header, size, MESSAGES[is].type, tag);
  return header;
}

function writeHeader(frame: Buffer, size: number, type: number, tag: number): void {
  frame.writeUInt32LE(size, 0);
  frame.writeUInt16LE(type, 4);
  frame.writeUInt16LE(0, 6);
  frame.writeUInt32LE(tag, 8);
}

interface Header {
  readonly kind: Kind;
  readonly tag: number;
  readonly size: number;
}

/**
 * Takes a stream of frames apart. `sender` is the side whose messages come; one of the other side's, an unknown
 * type, a payload that is too long or not its record throws ProtocolError.
 */
export class FrameParser {
  private readonly sender: 'client' | 'shim';
  /** The frame that has begun but is not whole yet: `held` bytes of it, in a buffer of its size once that is known. */
  private partial: Buffer | undefined;
  private held = 0;

  constructor(sender: 'client' | 'shim') {
    this.sender = sender;
  }

  /** Bytes of a frame that has begun; 0 between frames. */
  get pending(): number {
    return this.held;
  }

  /**
   * The messages that are whole with this chunk, to be iterated to the end. `data` of raw messages is a view of
   * the chunk where the frame lies in it whole.
   */
  *push(chunk: Uint8Array): Generator<Message, void, undefined> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (this.partial !== undefined || bytes.length - at < HEADER_SIZE) {
        at = this.collect(bytes, at);
        const frame = this.whole();
        if (frame !== undefined) yield this.decode(this.header(frame, 0), frame.subarray(HEADER_SIZE));
        continue;
      }
      const header = this.header(bytes, at);
      const end = at + HEADER_SIZE + header.size;
      if (end > bytes.length) {
        this.partial = Buffer.allocUnsafe(HEADER_SIZE + header.size);
        at = this.collect(bytes, at);
        continue;
      }
      const payload = bytes.subarray(at + HEADER_SIZE, end);
      at = end;
      yield this.decode(header, payload);
    }
  }

  /** Copies into `partial` what belongs to it: first the header, then, once that tells the size, the payload. */
  private collect(bytes: Buffer, from: number): number {
    this.partial ??= Buffer.allocUnsafe(HEADER_SIZE);
    let at = from;
    for (;;) {
      const taken = bytes.copy(this.partial, this.held, at, at + this.partial.length - this.held);
      this.held += taken;
      at += taken;
      if (this.held < this.partial.length || this.held > HEADER_SIZE) return at;
      const { size } = this.header(this.partial, 0);
      if (size === 0) return at;
      const larger = Buffer.allocUnsafe(HEADER_SIZE + size);
      this.partial.copy(larger);
      this.partial = larger;
    }
  }

  private whole(): Buffer | undefined {
    const frame = this.partial;
    if (frame === undefined || this.held < frame.length) return undefined;
    this.partial = undefined;
    this.held = 0;
    return frame;
  }

  private header(bytes: Buffer, at: number): Header {
    const size = bytes.readUInt32LE(at);
    const type = bytes.readUInt16LE(at + 4);
    const kind = KINDS[type];
    if (kind?.from !== this.sender) {
      throw new ProtocolError(`type ${String(type)} is not a message of the ${this.sender}`);
    }
    if (bytes.readUInt16LE(at + 6) !== 0) throw new ProtocolError(`${kind.is}: the header's zero is not zero`);
    const most = kind.raw ? MAX_DATA : MAX_PAYLOAD;
    if (size > most) {
      throw new ProtocolError(`${kind.is}: a payload of ${String(size)} bytes, at most ${String(most)}`);
    }
    return { kind, tag: bytes.readUInt32LE(at + 8), size };
  }

  private decode({ kind, tag }: Header, payload: Buffer): Message {
    if (kind.raw) return { is: kind.is, tag, data: payload } as Message;
    try {
      const reader = new RecordReader(payload);
      const values = reader.record(kind.fields);
      reader.end();
      return { is: kind.is, tag, ...values } as Message;
    } catch (error) {
      if (error instanceof MalformedRecord) throw new ProtocolError(`${kind.is}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
