/**
 * An incremental parser of HTTP/1.1 responses (RFC 9112) as the daemon sends them over its socket. Node's own
 * client costs 3 ms to load, which is a good part of what a short command takes.
 */

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; repeated ones joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

export interface ResponseHandler {
  head(head: ResponseHead): void;
  /** 100: the body is wanted. */
  goOn?(): void;
  /** Its memory may be used again when this returns. */
  body(chunk: Buffer): void;
  end(): void;
  /** The answer to a HEAD: it ends with its head, whatever that says of a body. */
  readonly bodyless?: boolean;
}

const MAX_HEAD = 64 * 1024;
const MAX_CHUNK_LINE = 1024;

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'done';

/** One response. After `done`, what was not its own is in the return value of `feed`. */
export class ResponseParser {
  readonly #handler: ResponseHandler;
  #state: State = 'head';
  /** An unfinished head or chunk line. */
  #held: Buffer = Buffer.alloc(0);
  #remaining = 0;

  constructor(handler: ResponseHandler) {
    this.#handler = handler;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Returns the bytes after the response. Throws Error where the bytes are not HTTP. */
  feed(bytes: Buffer): Buffer {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    while (rest.length > 0 && this.#state !== 'done') {
      const next = this.#step(rest);
      if (next === undefined) {
        // Its memory may be used again by the next read.
        this.#held = Buffer.from(rest);
        return Buffer.alloc(0);
      }
      rest = next;
    }
    return rest;
  }

  /** The peer closed. Returns false where the response was not complete. */
  close(): boolean {
    if (this.#state === 'until-close') this.#finish();
    return this.#state === 'done';
  }

  /** Takes what it can of `bytes`; undefined: a line is not complete yet. */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes);
      case 'length':
      case 'chunk':
        return this.#readCounted(bytes);
      case 'chunk-size':
        return this.#readChunkSize(bytes);
      case 'chunk-end':
        return this.#readLine(bytes, (line) => {
          if (line !== '') throw new Error('malformed answer: a chunk is longer than it says');
          this.#state = 'chunk-size';
        });
      case 'trailer':
        return this.#readLine(bytes, (line) => {
          if (line === '') this.#finish();
        });
      case 'until-close':
        this.#handler.body(bytes);
        return bytes.subarray(bytes.length);
      case 'done':
        return bytes;
    }
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) {
      if (bytes.length > MAX_HEAD) throw new Error('malformed answer: the head is too long');
      return undefined;
    }
    const head = parseHead(bytes.toString('latin1', 0, end));
    const rest = bytes.subarray(end + 4);
    // 100 Continue and its like precede the real answer; 101 is one.
    if (head.status === 100) this.#handler.goOn?.();
    if (head.status < 200 && head.status !== 101) return rest;
    this.#handler.head(head);
    const length = head.headers.get('content-length');
    if (this.#handler.bodyless === true || head.status === 101 || head.status === 204 || head.status === 304) {
      this.#finish();
    } else if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') {
      this.#state = 'chunk-size';
    } else if (length === undefined) {
      this.#state = 'until-close';
    } else {
      if (!/^\d{1,15}$/.test(length)) throw new Error(`malformed answer: content-length "${length}"`);
      this.#remaining = Number(length);
      this.#state = 'length';
      if (this.#remaining === 0) this.#finish();
    }
    return rest;
  }

  #readCounted(bytes: Buffer): Buffer {
    const own = bytes.subarray(0, this.#remaining);
    this.#remaining -= own.length;
    this.#handler.body(own);
    if (this.#remaining === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-end';
      else this.#finish();
    }
    return bytes.subarray(own.length);
  }

  #readChunkSize(bytes: Buffer): Buffer | undefined {
    return this.#readLine(bytes, (line) => {
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw new Error('malformed answer: a chunk without its size');
      this.#remaining = Number.parseInt(size, 16);
      this.#state = this.#remaining === 0 ? 'trailer' : 'chunk';
    });
  }

  #readLine(bytes: Buffer, take: (line: string) => void): Buffer | undefined {
    const end = bytes.indexOf('\r\n');
    if (end === -1) {
      if (bytes.length > MAX_CHUNK_LINE) throw new Error('malformed answer: a chunk line is too long');
      return undefined;
    }
    take(bytes.toString('latin1', 0, end));
    return bytes.subarray(end + 2);
  }

  #finish(): void {
    this.#state = 'done';
    this.#handler.end();
  }
}

function parseHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1[.][01] (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error('what answers on the socket does not speak HTTP');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error('malformed answer: a header without a colon');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const former = headers.get(name);
    headers.set(name, former === undefined ? value : `${former}, ${value}`);
  }
  return { status: Number(status), headers };
}
