/** The chunked transfer coding of HTTP/1.1, RFC 9112, section 7.1, for whoever has the bytes of a connection itself. */

/** Of a chunk's size and what may stand behind it, and of a line of a trailer. */
const LONGEST_LINE = 4096;
const LONGEST_TRAILER = 16 * 1024;

type State = 'size' | 'data' | 'data end' | 'trailer' | 'ended';

export class MalformedChunk extends Error {
  override name = 'MalformedChunk';
}

export class ChunkedDecoder {
  private state: State = 'size';
  private line = '';
  private left = 0;
  private trailer = 0;

  /** The last chunk came, and the trailer. */
  get ended(): boolean {
    return this.state === 'ended';
  }

  /** The data in `piece`, as parts of it. Throws MalformedChunk. */
  *data(piece: Buffer): Generator<Buffer> {
    for (let at = 0; at < piece.length;) {
      if (this.state === 'ended') throw new MalformedChunk('something follows the last chunk');
      if (this.state === 'data') {
        const part = piece.subarray(at, at + this.left);
        at += part.length;
        this.left -= part.length;
        if (this.left === 0) this.state = 'data end';
        yield part;
        continue;
      }
      const end = piece.indexOf(0x0a, at);
      const until = end === -1 ? piece.length : end + 1;
      if (this.line.length + until - at > LONGEST_LINE) throw new MalformedChunk('a line of a chunk is too long');
      this.line += piece.toString('latin1', at, until);
      at = until;
      if (end !== -1) this.takeLine();
    }
  }

  private takeLine(): void {
    const { line } = this;
    this.line = '';
    if (!line.endsWith('\r\n')) throw new MalformedChunk('a line of a chunk does not end as one');
    const text = line.slice(0, -2);
    if (this.state === 'size') this.begin(text);
    else if (this.state === 'data end') {
      if (text !== '') throw new MalformedChunk('a chunk is longer than it says');
      this.state = 'size';
    } else if (text === '') this.state = 'ended';
    else {
      this.trailer += line.length;
      if (this.trailer > LONGEST_TRAILER) throw new MalformedChunk('the trailer is too long');
    }
  }

  private begin(line: string): void {
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw new MalformedChunk('a chunk does not begin with its size');
    this.left = Number.parseInt(size, 16);
    this.state = this.left === 0 ? 'trailer' : 'data';
  }
}
