/**
 * Writes a tar archive. TarWriter takes what a TarReader gives, at once and without waiting, for threads that walk a
 * tree; `tarArchive` makes a stream of members that come and go as their reader asks for them.
 */
import { ImageError, shown } from '../errors.ts';
import type { TarConsumer } from './entry.ts';
import { type WrittenEntry, encodeEntry, paddingOf } from './encode.ts';

export { isWritableXattr, type WrittenEntry } from './encode.ts';

/** Pieces are gathered to this size. */
const PIECE = 256 * 1024;
/** Two blocks of zeros. */
const END = Buffer.alloc(1024);

function unlike(name: string, size: number, came: number): ImageError {
  return new ImageError('size_mismatch', `${shown(name)} has ${came} bytes and was said to have ${size}`);
}

/** For each entry `begin`, `data` any number of times, `end`; at last `finish`. */
export class TarWriter implements TarConsumer {
  private readonly sink: (piece: Buffer) => void;
  private piece = Buffer.allocUnsafe(PIECE);
  private filled = 0;
  private entry: { readonly name: string; readonly stored: number; came: number } | undefined;

  /** `sink`: is given the archive in pieces of 256 KiB, the last of less; they are its own from then on. */
  constructor(sink: (piece: Buffer) => void) {
    this.sink = sink;
  }

  /** Throws as encodeEntry(). Of a file `size` bytes have to follow, of a sparse one those of its `parts`. */
  begin(entry: WrittenEntry): void {
    if (this.entry !== undefined) throw new Error(`the entry ${shown(this.entry.name)} was not ended`);
    const { bytes, stored } = encodeEntry(entry);
    this.entry = { name: entry.name, stored, came: 0 };
    this.put(bytes);
  }

  /** `piece` is copied. Throws ImageError size_mismatch. */
  data(piece: Buffer): void {
    const { entry } = this;
    if (entry === undefined) throw new Error('data without an entry');
    entry.came += piece.length;
    if (entry.came > entry.stored) throw unlike(entry.name, entry.stored, entry.came);
    this.put(piece);
  }

  /** Throws ImageError size_mismatch. */
  end(): void {
    const { entry } = this;
    if (entry === undefined) throw new Error('the end of no entry');
    if (entry.came !== entry.stored) throw unlike(entry.name, entry.stored, entry.came);
    this.put(END.subarray(0, paddingOf(entry.stored)));
    this.entry = undefined;
  }

  finish(): void {
    if (this.entry !== undefined) throw new Error(`the entry ${shown(this.entry.name)} was not ended`);
    this.put(END);
    if (this.filled > 0) this.sink(this.piece.subarray(0, this.filled));
    this.filled = 0;
  }

  private put(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.piece, this.filled, at);
      at += copied;
      this.filled += copied;
      if (this.filled < this.piece.length) continue;
      this.sink(this.piece);
      this.piece = Buffer.allocUnsafe(PIECE);
      this.filled = 0;
    }
  }
}

export interface TarMember {
  readonly entry: WrittenEntry;
  /** Of a file that is not empty; asked for when its turn comes. */
  readonly content?: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Throws as encodeEntry(), ImageError size_mismatch, and what members and their contents throw. */
export async function* tarArchive(members: AsyncIterable<TarMember> | Iterable<TarMember>): AsyncGenerator<Uint8Array> {
  for await (const { entry, content } of members) {
    const { bytes, stored } = encodeEntry(entry);
    yield bytes;
    let came = 0;
    for await (const piece of content?.() ?? []) {
      came += piece.length;
      if (came > stored) throw unlike(entry.name, stored, came);
      yield piece;
    }
    if (came !== stored) throw unlike(entry.name, stored, came);
    if (paddingOf(stored) > 0) yield END.subarray(0, paddingOf(stored));
  }
  yield END;
}
