/** Writes pieces one after the other, gathered first: a system call for each would cost more than the hashing. */
import type { FileHandle } from 'node:fs/promises';

const WRITE_SIZE = 256 * 1024;

export class GatheringWriter {
  private readonly file: FileHandle;
  private gathered: Uint8Array[] = [];
  private length = 0;
  private at: number;

  constructor(file: FileHandle, at: number) {
    this.file = file;
    this.at = at;
  }

  /** The piece is the writer's from now on. Throws errors of fs. */
  async add(piece: Uint8Array): Promise<void> {
    this.gathered.push(piece);
    this.length += piece.length;
    if (this.length >= WRITE_SIZE) await this.flush();
  }

  async flush(): Promise<void> {
    const pieces = this.gathered.length === 1 ? this.gathered[0] : Buffer.concat(this.gathered);
    this.gathered = [];
    this.length = 0;
    if (pieces === undefined) return;
    for (let from = 0; from < pieces.length;) {
      const { bytesWritten } = await this.file.write(pieces, from, pieces.length - from, this.at);
      from += bytesWritten;
      this.at += bytesWritten;
    }
  }
}
