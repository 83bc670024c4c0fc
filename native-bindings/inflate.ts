/**
 * gzip by the zlib that Node is built with and has for its add-ons (zlib.h), call by call: for threads that have nothing
 * else to do. Node's own streams go through another thread for each piece and take new memory for it, and collecting that
 * takes longer than the decompression.
 */
import { addressOf, programFunction, textAt } from './libc.ts';

/** z_stream of zlib.h on 64 bits. */
const STREAM = { size: 112, nextIn: 0, availableIn: 8, nextOut: 24, availableOut: 32, message: 48 } as const;
/** The largest window, and 16 more: the stream is gzip's, and nothing else. */
const GZIP_WINDOW = 15 + 16;
/** zlib looks at the first character, and at the size of the structure. */
const VERSION = '1';

const [Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_BUF_ERROR] = [0, 0, 1, -5];

type OnStream<A extends readonly unknown[] = []> = [stream: Uint8Array, ...A];

const inflateInit2 = programFunction<OnStream<[windowBits: number, version: string, size: number]>, number>(
  'int inflateInit2_(void *stream, int windowBits, const char *version, int size)',
);
const inflate = programFunction<OnStream<[flush: number]>, number>('int inflate(void *stream, int flush)');
const inflateReset = programFunction<OnStream, number>('int inflateReset(void *stream)');
const inflateEnd = programFunction<OnStream, number>('int inflateEnd(void *stream)');
const zError = programFunction<[code: number], string>('const char *zError(int code)');

/** What zlib says of bytes that are not sound. */
export class InflateError extends Error {
  override name = 'InflateError';
}

/** Of one stream, which may have several members one after the other, RFC 1952 section 2.2. */
export class GzipInflater {
  /** Of its own, as zlib remembers where it is. */
  private readonly stream = Buffer.from(new ArrayBuffer(STREAM.size));
  private readonly output: Buffer;
  private input: Uint8Array = Buffer.alloc(0);
  private state: 'inside' | 'member ended' | 'over' = 'inside';
  private isClosed = false;

  /** `pieceSize`: bytes that are given out at once, at most. Whoever makes one closes it. */
  constructor(pieceSize: number) {
    this.output = Buffer.from(new ArrayBuffer(pieceSize));
    const result = inflateInit2(this.stream, GZIP_WINDOW, VERSION, STREAM.size);
    if (result !== Z_OK) throw new InflateError(zError(result));
  }

  /** All that was given makes whole members. */
  get isWhole(): boolean {
    return this.state !== 'inside';
  }

  /** To be called when take() has nothing more. The bytes must stay as they are until then. */
  give(input: Uint8Array): void {
    this.input = input;
    this.stream.writeBigUInt64LE(addressOf(input), STREAM.nextIn);
    this.stream.writeUInt32LE(input.length, STREAM.availableIn);
  }

  /** What comes next, lent until the next call; undefined: give() more. Throws InflateError. */
  take(): Buffer | undefined {
    while (this.goesOn()) {
      this.stream.writeBigUInt64LE(addressOf(this.output), STREAM.nextOut);
      this.stream.writeUInt32LE(this.output.length, STREAM.availableOut);
      const result = inflate(this.stream, Z_NO_FLUSH);
      if (result === Z_STREAM_END) this.state = 'member ended';
      else if (result !== Z_OK && result !== Z_BUF_ERROR) throw this.failure(result);
      const count = this.output.length - this.stream.readUInt32LE(STREAM.availableOut);
      if (count > 0) return this.output.subarray(0, count);
      if (result === Z_BUF_ERROR) return undefined;
    }
    return undefined;
  }

  close(): void {
    if (!this.isClosed) inflateEnd(this.stream);
    this.isClosed = true;
  }

  /** Behind a member comes another, or zeros to fill up, behind which nothing counts. */
  private goesOn(): boolean {
    if (this.isClosed) throw new Error('it is closed');
    const left = this.stream.readUInt32LE(STREAM.availableIn);
    if (this.state !== 'member ended' || left === 0) return this.state === 'inside';
    if (this.input[this.input.length - left] === 0) this.state = 'over';
    else {
      inflateReset(this.stream);
      this.state = 'inside';
    }
    return this.state === 'inside';
  }

  private failure(result: number): InflateError {
    const message = this.stream.readBigUInt64LE(STREAM.message);
    return new InflateError(message === 0n ? zError(result) : textAt(message));
  }
}
