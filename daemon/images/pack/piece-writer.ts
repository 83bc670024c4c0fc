/** Gathers what an archive is made of into pieces that go to another thread as they are: a file is read straight into them. */

/** Large enough that handing one over costs little beside filling it. */
export const PIECE = 512 * 1024;

export class PieceWriter {
  private readonly spare: Buffer[];
  private piece: Buffer;
  private filled = 0;
  private readonly full: Buffer[] = [];

  /** `spare`: pieces that whoever took them has no more use for. */
  constructor(spare: Buffer[] = []) {
    this.spare = spare;
    this.piece = this.fresh();
  }

  /** What is to be written to next; never empty. `wrote` says how much of it was. */
  get room(): Buffer {
    return this.piece.subarray(this.filled);
  }

  wrote(bytes: number): void {
    this.filled += bytes;
    if (this.filled < PIECE) return;
    this.full.push(this.piece);
    this.piece = this.fresh();
    this.filled = 0;
  }

  put(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.room, 0, at);
      at += copied;
      this.wrote(copied);
    }
  }

  zeros(count: number): void {
    for (let left = count; left > 0;) {
      const { room } = this;
      const length = Math.min(left, room.length);
      room.fill(0, 0, length);
      this.wrote(length);
      left -= length;
    }
  }

  /** Full pieces, each an ArrayBuffer of its own; they are the caller's. */
  *take(): Generator<Buffer> {
    for (let piece = this.full.shift(); piece !== undefined; piece = this.full.shift()) yield piece;
  }

  /** The rest, at the end. */
  *finish(): Generator<Buffer> {
    yield* this.take();
    if (this.filled > 0) yield this.piece.subarray(0, this.filled);
    this.filled = 0;
    this.piece = Buffer.alloc(0);
  }

  private fresh(): Buffer {
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(PIECE);
  }
}
