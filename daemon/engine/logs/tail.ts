/** Where the last lines of a log begin, found by reading it backwards. */
import type { LogFile } from './log-file.ts';
import { selects, type Selection } from './query.ts';
import { parseRecord } from './record.ts';

const BLOCK_SIZE = 64 * 1024;
const NEWLINE = 0x0a;

/** Offset in the file at this index; everything after it in this and the later files is wanted. */
export interface Position {
  readonly file: number;
  readonly offset: number;
}

/**
 * The position from which on `lines` lines that the selection selects follow. `files` are oldest first, `sizes` how
 * far each is to be read. A line in several parts counts once, at its first part; parts of a line that lie before
 * the first of another stream's wanted lines are left out.
 */
export async function tailPosition(
  files: readonly LogFile[],
  sizes: readonly number[],
  lines: number,
  selection: Selection,
): Promise<Position> {
  const count = new LineCount(lines, selection);
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    if (file === undefined) continue;
    const found = await scan(file, sizes[index] ?? 0, count);
    if (found !== undefined) return { file: index, offset: found };
  }
  return { file: 0, offset: 0 };
}

/** The offset behind the record that is one too many; undefined if this file has none. */
async function scan(file: LogFile, size: number, count: LineCount): Promise<number | undefined> {
  let end = size;
  let rest: Buffer = Buffer.alloc(0);
  // what follows the last newline is torn
  let torn = true;
  while (end > 0) {
    const block = await file.before(end, BLOCK_SIZE);
    if (block.length === 0) return undefined;
    end -= block.length;
    const bytes = Buffer.concat([block, rest]);
    let lineEnd = bytes.length;
    for (;;) {
      const newline = lineEnd === 0 ? -1 : bytes.lastIndexOf(NEWLINE, lineEnd - 1);
      if (newline < 0) break;
      if (!torn && count.isTooMany(bytes.toString('utf8', newline + 1, lineEnd))) return end + lineEnd + 1;
      torn = false;
      lineEnd = newline;
    }
    rest = Buffer.from(bytes.subarray(0, lineEnd));
  }
  if (!torn && count.isTooMany(rest.toString('utf8'))) return rest.length + 1;
  return undefined;
}

/** Counts lines backwards. */
class LineCount {
  private left: number;
  private readonly selection: Selection;
  /** The stream has a later record, which a P before it belongs to. */
  private readonly seen = { stdout: false, stderr: false };

  constructor(lines: number, selection: Selection) {
    this.left = lines;
    this.selection = selection;
  }

  isTooMany(line: string): boolean {
    const entry = parseRecord(line);
    if (entry === undefined || !selects(this.selection, entry)) return false;
    const begins = !entry.partial || !this.seen[entry.stream];
    this.seen[entry.stream] = true;
    if (!begins) return false;
    if (this.left === 0) return true;
    this.left -= 1;
    return false;
  }
}
