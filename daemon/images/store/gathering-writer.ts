/** Writes pieces one after the other, gathered first: a system call for each would cost more than the hashing. */
import type { FileHandle } from 'node:fs/promises';

const WRITE_SIZE = 256 * 1024;

export class GatheringWriter {
  private readonly file: FileHandle;
  private readonly onWritten: ((size: number) => void) | undefined;
  private gathered: Uint8Array[] = [];
  private length = 0;
  private at: number;

  /** `onWritten`: told after each write how far the file is. */
  constructor(file: FileHandle, at: number, onWritten?: (size: number) => void) {
    this.file = file;
    this.at = at;
    this.onWritten = onWritten;
  }

  /** The piece is the writer's from now on. Throws errors of fs. */
  async add(piece: Uint8Array): Promise<void> {
    this.gathered.push(piece);
    this.length += piece.length;
    if (this.length >= WRITE_SIZE) await this.flush();
  }

  async flush(): Promise<void> {
    let pieces = this.gathered;
    this.gathered = [];
    this.length = 0;
    while (pieces.length > 0) {
      const { bytesWritten } = await this.file.writev(pieces, this.at);
      this.at += bytesWritten;
      pieces = behind(pieces, bytesWritten);
      this.onWritten?.(this.at);
    }
  }
}

/** What is left of the pieces after so many bytes. */
function behind(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  return pieces.flatMap((piece) => {
    const taken = Math.min(left, piece.length);
    left -= taken;
    return taken === piece.length ? [] : [piece.subarray(taken)];
  });
}
