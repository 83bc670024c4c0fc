/**
 * Cuts a zstd stream where its frames end, RFC 8878, section 3.1. Node's decompressor stops at the end of a frame and
 * drops what came in the same write, without an error; written to frame by frame it goes on. Writers that make one
 * frame a file or a chunk are common (pzstd, zstd:chunked). Skippable frames are left out.
 */
import { ImageError } from '../errors.ts';

const MAGIC = 0xfd2fb528;
/** The last four bits are the writer's. */
const SKIPPABLE = 0x184d2a50;
const BLOCK_HEADER = 3;
const RLE_BLOCK = 1;
const CHECKSUM = 4;
const CONTENT_SIZE_LENGTHS = [0, 2, 4, 8] as const;
const DICTIONARY_LENGTHS = [0, 1, 2, 4] as const;
/** A longer frame is handed on in pieces of about this many bytes. */
const PIECE = 128 * 1024;

function broken(what: string): ImageError {
  return new ImageError('layer_invalid', `the layer is not sound zstd: ${what}`);
}

/** Takes so and so many bytes from pieces of any length. */
class Bytes {
  private readonly source: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    return this.rest.length === 0 && !(await this.more());
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.rest.length === 0 && !(await this.more())) throw broken('it is cut off');
      const part = this.rest.subarray(0, missing);
      this.rest = this.rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 ? (parts[0] ?? this.rest) : Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) left -= (await this.take(Math.min(left, PIECE))).length;
  }

  private async more(): Promise<boolean> {
    while (this.rest.length === 0) {
      const next = await this.source.next();
      if (next.done === true) return false;
      this.rest = next.value;
    }
    return true;
  }
}

/** Section 3.1.1.1: its length follows from the first byte. */
async function frameHeader(bytes: Bytes): Promise<{ header: Buffer; checksum: boolean }> {
  const descriptor = await bytes.take(1);
  const flags = descriptor[0] ?? 0;
  const singleSegment = (flags & 0x20) !== 0;
  const sizeFlag = (flags >> 6) as 0 | 1 | 2 | 3;
  const size = sizeFlag === 0 && singleSegment ? 1 : CONTENT_SIZE_LENGTHS[sizeFlag];
  const dictionary = DICTIONARY_LENGTHS[(flags & 3) as 0 | 1 | 2 | 3];
  const rest = (singleSegment ? 0 : 1) + dictionary + size;
  return { header: Buffer.concat([descriptor, await bytes.take(rest)]), checksum: (flags & 4) !== 0 };
}

/** Pieces, none of which is of two frames; each is to be written on its own. Throws ImageError layer_invalid. */
export async function* zstdFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const bytes = new Bytes(source);
  while (!(await bytes.atEnd())) {
    const magic = await bytes.take(4);
    const number = magic.readUInt32LE();
    if ((number & ~0xf) >>> 0 === SKIPPABLE) {
      await bytes.skip((await bytes.take(4)).readUInt32LE());
      continue;
    }
    if (number !== MAGIC) throw broken('a frame does not begin as one');
    const { header, checksum } = await frameHeader(bytes);
    let parts = [magic, header];
    for (let last = false; !last;) {
      const block = await bytes.take(BLOCK_HEADER);
      const fields = block.readUIntLE(0, BLOCK_HEADER);
      last = (fields & 1) === 1;
      parts.push(block, await bytes.take(((fields >> 1) & 3) === RLE_BLOCK ? 1 : fields >> 3));
      if (last && checksum) parts.push(await bytes.take(CHECKSUM));
      if (last || parts.reduce((total, { length }) => total + length, 0) >= PIECE) {
        yield Buffer.concat(parts);
        parts = [];
      }
    }
  }
}
