/** DNS over TCP: each message after its length in two bytes (RFC 1035, 4.2.2; RFC 7766, 8). */
const PREFIX = 2;

export class Frames {
  private readonly longest: number;
  private chunks: Buffer = Buffer.alloc(0);

  /** `longest`: in bytes, of a message that is taken at all. */
  constructor(longest: number) {
    this.longest = longest;
  }

  add(chunk: Buffer): void {
    this.chunks = this.chunks.length === 0 ? chunk : Buffer.concat([this.chunks, chunk]);
  }

  /** The next message is longer than any that is taken. */
  get isTooLong(): boolean {
    return this.chunks.length >= PREFIX && this.chunks.readUInt16BE(0) > this.longest;
  }

  /** The next message; undefined: it has not all come yet. */
  take(): Buffer | undefined {
    if (this.chunks.length < PREFIX || this.isTooLong) return undefined;
    const end = PREFIX + this.chunks.readUInt16BE(0);
    if (this.chunks.length < end) return undefined;
    // A copy: what came with it is not to be kept for as long as the message is.
    const message = Buffer.from(this.chunks.subarray(PREFIX, end));
    this.chunks = this.chunks.subarray(end);
    return message;
  }
}

/** One buffer, so that it is one segment where it fits. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, PREFIX);
  return framed;
}
