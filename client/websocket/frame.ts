/** WebSocket framing (RFC 6455, section 5) as a client needs it, without a socket. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/**
 * A client's frame has to carry a mask (section 5.3). Its purpose is to keep a web page from choosing the bytes
 * that an HTTP proxy sees; on a unix socket there is neither. The zero mask is valid on the wire, leaves the bytes
 * as they are, and spares both ends a pass over everything that goes to stdin.
 */
const NO_MASK = Buffer.alloc(4);

/** The header of one unfragmented, masked frame with `length` bytes to follow, which the caller masks. */
export function frameHeader(opcode: number, length: number, mask: Buffer = NO_MASK): Buffer {
  const first = 0x80 | opcode;
  if (length < 126) return Buffer.concat([Buffer.from([first, 0x80 | length]), mask]);
  const header = Buffer.alloc(length < 65_536 ? 4 : 10);
  header[0] = first;
  if (length < 65_536) {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, mask]);
}

export interface FrameHandler {
  /**
   * A part of a data message, as it came: `first` and `last` mark the message's ends. A part may be empty.
   * Nothing is collected, so a message of any size costs no memory.
   */
  message(part: Buffer, first: boolean, last: boolean): void;
  ping(payload: Buffer): void;
  /** `code` 1005: the frame had none. */
  close(code: number, reason: string): void;
}

/** Decodes what a server sends. Throws Error where the peer breaks the protocol. */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  /** An unfinished frame header, or an unfinished control frame's payload. */
  #held: Buffer = Buffer.alloc(0);
  #remaining = 0;
  #opcode = -1;
  #final = false;
  /** The next part is the first of its message. */
  #first = true;
  #inMessage = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  feed(bytes: Buffer): void {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    for (;;) {
      if (this.#opcode === -1) {
        const taken = this.#readHeader(rest);
        if (taken === 0) break;
        rest = rest.subarray(taken);
      }
      const next = this.#opcode >= OPCODE.close ? this.#readControl(rest) : this.#readData(rest);
      if (next === undefined) break;
      rest = next;
    }
    // The tail of a chunk is held until the next one: a copy, so that it does not keep the whole chunk alive.
    this.#held = rest.length === 0 ? rest : Buffer.from(rest);
  }

  /** Returns the header's length, 0 while it is incomplete. */
  #readHeader(bytes: Buffer): number {
    const [first, second] = bytes;
    if (first === undefined || second === undefined) return 0;
    if ((first & 0x70) !== 0) throw new Error('websocket: reserved bits are set');
    if ((second & 0x80) !== 0) throw new Error('websocket: the server masked a frame');
    let length = second & 0x7f;
    let size = 2;
    if (length === 126) {
      size = 4;
      if (bytes.length < size) return 0;
      length = bytes.readUInt16BE(2);
    } else if (length === 127) {
      size = 10;
      if (bytes.length < size) return 0;
      length = Number(bytes.readBigUInt64BE(2));
      if (!Number.isSafeInteger(length)) throw new Error('websocket: a frame is too long');
    }
    this.#enter(first & 0x0f, (first & 0x80) !== 0, length);
    return size;
  }

  #enter(opcode: number, final: boolean, length: number): void {
    if (opcode >= OPCODE.close) {
      if (opcode > OPCODE.pong) throw new Error(`websocket: unknown opcode ${String(opcode)}`);
      if (!final || length > 125) throw new Error('websocket: a control frame is fragmented or too long');
    } else {
      if (opcode > OPCODE.binary) throw new Error(`websocket: unknown opcode ${String(opcode)}`);
      if ((opcode === OPCODE.continuation) !== this.#inMessage) throw new Error('websocket: fragments out of order');
      if (!this.#inMessage) this.#first = true;
      this.#inMessage = !final;
      this.#final = final;
    }
    this.#opcode = opcode;
    this.#remaining = length;
  }

  #readData(bytes: Buffer): Buffer | undefined {
    if (bytes.length === 0 && this.#remaining > 0) return undefined;
    const part = bytes.subarray(0, this.#remaining);
    this.#remaining -= part.length;
    const last = this.#remaining === 0 && this.#final;
    if (this.#remaining === 0) this.#opcode = -1;
    if (part.length > 0 || last) {
      const first = this.#first;
      this.#first = false;
      this.#handler.message(part, first, last);
    }
    return bytes.subarray(part.length);
  }

  #readControl(bytes: Buffer): Buffer | undefined {
    if (bytes.length < this.#remaining) return undefined;
    const payload = bytes.subarray(0, this.#remaining);
    const opcode = this.#opcode;
    this.#opcode = -1;
    if (opcode === OPCODE.ping) this.#handler.ping(payload);
    if (opcode === OPCODE.close) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#handler.close(code, payload.toString('utf8', 2));
    }
    return bytes.subarray(payload.length);
  }
}
