/** What a registry answers: status, header, and a body that is read within bounds or given up. */
import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { DOCUMENT_BYTES_MAX } from '../manifest/fields.ts';
import { RegistryFailure } from './failure.ts';
import type { Watch } from './watch.ts';

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** An error's text is for people. */
const COMPLAINT_BYTES_MAX = 64 * 1024;

export class Answer {
  readonly status: number;
  readonly url: URL;
  private readonly headers: AnswerHeaders;
  private readonly body: Readable;
  private readonly pieces: AsyncIterator<Uint8Array>;
  private readonly watch: Watch;

  constructor(status: number, url: URL, headers: AnswerHeaders, body: Readable, watch: Watch) {
    this.status = status;
    this.url = url;
    this.headers = headers;
    this.body = body;
    this.watch = watch;
    // Given up on purpose or not: whoever reads is told by next().
    body.on('error', () => undefined);
    this.pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  /** `name` in lower case. Several headers of one name are joined as RFC 9110 section 5.3 has it. */
  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** Bytes of the body as its header says; undefined where it says nothing. */
  get length(): number | undefined {
    const text = this.header('content-length');
    return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /** The media type without parameters, lower case. */
  get mediaType(): string | undefined {
    const type = this.header('content-type')?.split(';')[0]?.trim().toLowerCase();
    return type === '' ? undefined : type;
  }

  /** The next piece of the body; undefined at its end. */
  async next(): Promise<Uint8Array | undefined> {
    this.watch.awaitBytes();
    try {
      const piece = await this.pieces.next();
      if (piece.done === true) {
        this.watch.close();
        return undefined;
      }
      this.watch.took(piece.value.length);
      return piece.value;
    } catch (error) {
      const reason = this.watch.explain(error);
      this.giveUp();
      throw reason;
    }
  }

  /** The whole body. Throws RegistryFailure too_large, naming `what`, where it is more than `most` bytes. */
  async read(what: string, most = DOCUMENT_BYTES_MAX): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const tooLarge = (): never => {
      this.giveUp();
      throw new RegistryFailure('too_large', `${what}: ${this.url.host} sends more than ${most} bytes`);
    };
    if (this.length !== undefined && this.length > most) tooLarge();
    for (;;) {
      const piece = await this.next();
      if (piece === undefined) return Buffer.concat(pieces, length);
      length += piece.length;
      if (length > most) tooLarge();
      pieces.push(piece);
    }
  }

  /** The beginning of an error's text; empty where it does not come. */
  async complaint(): Promise<Buffer> {
    try {
      return await this.read('an error', COMPLAINT_BYTES_MAX);
    } catch (error) {
      // The status counts; that its text is missing or endless changes nothing.
      if (error instanceof ImageError) return Buffer.alloc(0);
      throw error;
    }
  }

  /** Takes a short body that nobody wants, so that the connection can be used again; ends the connection otherwise. */
  async discard(): Promise<void> {
    await this.complaint();
  }

  /** The rest of the body is not wanted; the connection is closed unless all of it has come. */
  giveUp(): void {
    this.watch.close();
    this.body.destroy();
  }
}
