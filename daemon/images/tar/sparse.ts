/** Maps of sparse files: which parts of the file the archive holds. GNU tar's manual, "Storing Sparse Files". */
import type { SparsePart } from './entry.ts';
import { numberField } from './header.ts';
import { malformed } from './malformed.ts';

/** A map is at most so long; the memory it takes is some megabytes. */
const MOST_PARTS = 65_536;
const PAIR = 24;
const NUMBER = 12;
const MOST_DIGITS = 16;

/** The two tables of the old GNU format: four pairs in the header, then 21 in each block that follows. */
const IN_HEADER = { start: 386, pairs: 4, more: 482, size: 483 } as const;
const IN_BLOCK = { start: 0, pairs: 21, more: 504 } as const;

/** Offsets and lengths in turn, which together are what is stored, inside a file of `size` bytes. */
export function sparseParts(numbers: readonly number[], size: number, stored: number): SparsePart[] {
  const parts: SparsePart[] = [];
  let [behind, total] = [0, 0];
  if (numbers.length % 2 !== 0) throw malformed('a sparse map ends in the middle');
  for (let at = 0; at < numbers.length; at += 2) {
    const [offset = 0, length = 0] = [numbers[at], numbers[at + 1]];
    if (offset < behind || offset + length > size)
      throw malformed('the parts of a sparse file overlap or lie behind it');
    behind = offset + length;
    total += length;
    if (length > 0) parts.push({ offset, length });
  }
  if (total !== stored) throw malformed('a sparse map and the size of its data differ');
  return parts;
}

/** Collects the old format's map from the header and the blocks behind it. */
export class OldSparseMap {
  readonly numbers: number[] = [];
  readonly size: number;
  /** Another block of the map follows. */
  more: boolean;

  constructor(header: Buffer) {
    this.size = numberField(header, IN_HEADER.size, NUMBER, 'the size of a sparse file');
    if (this.size < 0) throw malformed('the size of a sparse file is negative');
    this.more = this.take(header, IN_HEADER);
  }

  block(block: Buffer): void {
    this.more = this.take(block, IN_BLOCK);
  }

  private take(block: Buffer, table: typeof IN_HEADER | typeof IN_BLOCK): boolean {
    for (let pair = 0; pair < table.pairs; pair++) {
      const start = table.start + pair * PAIR;
      // An unused pair ends the table.
      if (block[start] === 0) break;
      for (const at of [start, start + NUMBER]) {
        const number = numberField(block, at, NUMBER, 'a number of a sparse map');
        if (number < 0) throw malformed('a number of a sparse map is negative');
        this.numbers.push(number);
      }
    }
    if (this.numbers.length > 2 * MOST_PARTS) throw malformed('a sparse map is too long');
    return block[table.more] !== 0;
  }
}

/** Collects format 1.0's map from the blocks before the data: decimal numbers, one a line, the count of pairs first. */
export class SparseMapInData {
  readonly numbers: number[] = [];
  blocks = 0;
  private wanted: number | undefined;
  private partial = '';

  /** True: the map is complete; the data begin with the next block. */
  block(block: Buffer): boolean {
    this.blocks++;
    const lines = (this.partial + block.toString('latin1')).split('\n');
    this.partial = lines.pop() ?? '';
    for (const line of lines) {
      if (this.complete()) break;
      this.line(line);
    }
    if (this.complete()) return true;
    if (this.partial.length > MOST_DIGITS) throw malformed('a number of a sparse map is too long');
    return false;
  }

  private complete(): boolean {
    return this.wanted !== undefined && this.numbers.length >= this.wanted;
  }

  private line(line: string): void {
    const number = /^\d{1,16}$/.test(line) ? Number(line) : NaN;
    if (!Number.isSafeInteger(number)) throw malformed('a sparse map holds something else than numbers');
    if (this.wanted !== undefined) this.numbers.push(number);
    else if (number > MOST_PARTS) throw malformed('a sparse map is too long');
    else this.wanted = 2 * number;
  }
}
