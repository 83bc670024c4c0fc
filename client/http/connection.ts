/** One HTTP/1.1 connection over a unix socket: one exchange at a time, kept alive between them. */
import { createConnection, type OnReadOpts, type Socket } from 'node:net';
import { CliError, ConnectionLostError, errnoOf, messageOf } from '../errors.ts';
import { ResponseParser, type ResponseHead } from './response-parser.ts';

/** A body that is sent as fast as the daemon takes it. */
export interface Upload {
  readonly contentType: string;
  /** Of all pieces together; undefined: nobody knows ahead, and they are sent as chunks. */
  readonly length?: number;
  /** A piece may be used again when the next one is asked for. */
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Nothing is sent before the daemon says so, who then may read the connection in a faster way (docs/api.md). */
  readonly waits?: boolean;
}

export interface RequestOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** In place of `body`. */
  readonly upload?: Upload;
  readonly accept?: string;
  /** Further header lines, complete and without line ends. */
  readonly headers?: readonly string[];
}

export interface BodySink {
  head(head: ResponseHead): void;
  body(chunk: Buffer): void;
}

interface Exchange {
  readonly parser: ResponseParser;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Connection {
  readonly #path: string;
  readonly #socket: Socket;
  #exchange: Exchange | undefined;
  #connected = false;
  #closed = false;
  #keepAlive = true;
  #surplus: Buffer = Buffer.alloc(0);

  /** `room`: all that comes is read into it, so what a sink is given is its own only until it returns. */
  constructor(path: string, room?: Buffer) {
    this.#path = path;
    this.#socket = createConnection({ path, ...(room === undefined ? {} : { onread: this.#into(room) }) });
    this.#socket.on('connect', () => {
      this.#connected = true;
    });
    this.#socket.on('data', this.#onData);
    this.#socket.on('error', this.#onError);
    this.#socket.on('close', this.#onClose);
  }

  /** No exchange is under way and the next may use this connection. */
  get idle(): boolean {
    return !this.#closed && this.#keepAlive && this.#exchange === undefined;
  }

  /** Resolves when the whole response has been given to `sink`. */
  exchange(method: string, target: string, options: RequestOptions, sink: BodySink): Promise<void> {
    if (this.#exchange !== undefined) throw new Error('an exchange is under way on this connection');
    if (this.#closed) return Promise.reject(new ConnectionLostError());
    return new Promise((resolve, reject) => {
      const wanted = Promise.withResolvers<undefined>();
      if (options.upload?.waits !== true) wanted.resolve(undefined);
      const parser = new ResponseParser({
        head: (head) => {
          if (head.headers.get('connection')?.toLowerCase() === 'close') this.#keepAlive = false;
          sink.head(head);
        },
        goOn: () => {
          wanted.resolve(undefined);
        },
        body: (chunk) => {
          sink.body(chunk);
        },
        end: () => {
          this.#exchange = undefined;
          // What the answer did not wait for would be taken for the next request.
          if (uploading) this.#keepAlive = false;
          resolve();
        },
        bodyless: method === 'HEAD',
      });
      const exchange = { parser, resolve, reject };
      let uploading = options.upload !== undefined;
      this.#exchange = exchange;
      this.#socket.write(requestText(method, target, options));
      if (options.upload === undefined) return;
      const { upload } = options;
      const uploaded = wanted.promise.then(() => this.#upload(upload, exchange));
      uploaded.then(
        () => {
          uploading = false;
        },
        (error: unknown) => {
          if (this.#exchange === exchange) this.#fail(error instanceof Error ? error : new Error(messageOf(error)));
        },
      );
    });
  }

  /** Ends early where the answer is there already. Throws what `pieces` throws. */
  async #upload({ pieces, length }: Upload, exchange: Exchange): Promise<void> {
    const isOver = (): boolean => this.#exchange !== exchange;
    for await (const piece of pieces) {
      if (isOver()) return;
      if (piece.length > 0) await (length === undefined ? this.#sendChunk(piece) : this.#send(piece));
    }
    if (length === undefined && !isOver()) this.#socket.write('0\r\n\r\n', 'latin1');
  }

  /** Resolves when the piece may be used again. A failure to write is the connection's, which tells it. */
  #send(piece: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(piece, () => {
        resolve();
      });
    });
  }

  async #sendChunk(piece: Uint8Array): Promise<void> {
    this.#socket.cork();
    this.#socket.write(`${piece.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(piece);
    const sent = this.#send('\r\n');
    this.#socket.uncork();
    await sent;
  }

  /** Stops and continues the flow of a body that its reader does not keep up with. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** After a 101: the raw socket and what came behind the head. The connection is no longer HTTP. */
  takeSocket(): { socket: Socket; first: Buffer } {
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onError);
    this.#socket.off('close', this.#onClose);
    // What comes before the new owner listens stays in the kernel.
    this.#socket.pause();
    this.#keepAlive = false;
    return { socket: this.#socket, first: this.#surplus };
  }

  close(): void {
    this.#socket.destroy();
  }

  #into(buffer: Buffer): OnReadOpts {
    return {
      buffer,
      callback: (count) => {
        this.#onData(buffer.subarray(0, count));
        return true;
      },
    };
  }

  readonly #onData = (bytes: Buffer): void => {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#fail(new Error('the daemon sent more than was asked for'));
      return;
    }
    try {
      this.#surplus = exchange.parser.feed(bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(messageOf(error)));
    }
  };

  readonly #onError = (error: Error): void => {
    this.#fail(this.#connected ? new ConnectionLostError(undefined, error) : connectError(this.#path, error));
  };

  readonly #onClose = (): void => {
    this.#closed = true;
    const exchange = this.#exchange;
    if (exchange !== undefined && !exchange.parser.close()) this.#fail(new ConnectionLostError());
  };

  #fail(error: Error): void {
    this.#closed = true;
    this.#socket.destroy();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.reject(error instanceof CliError ? error : new ConnectionLostError(error.message, error));
  }
}

function requestText(method: string, target: string, options: RequestOptions): string {
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: tare', `Accept: ${options.accept ?? 'application/json'}`];
  if (options.headers !== undefined) lines.push(...options.headers);
  let body = '';
  if (options.body !== undefined) {
    body = JSON.stringify(options.body);
    lines.push('Content-Type: application/json');
  }
  if (options.upload !== undefined) {
    const { contentType, length, waits } = options.upload;
    lines.push(`Content-Type: ${contentType}`);
    lines.push(length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${String(length)}`);
    if (waits === true) lines.push('Expect: 100-continue', 'X-Tare-Body: waits');
  } else if (method !== 'GET' && method !== 'HEAD') lines.push(`Content-Length: ${String(Buffer.byteLength(body))}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function connectError(path: string, cause: Error): CliError {
  const where = `unix://${path}`;
  switch (errnoOf(cause)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new CliError(`cannot connect to the daemon at ${where}: is tared running?`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new CliError(`permission denied for the daemon's socket at ${where}`, {
        hint: 'use root, or be in the group "tare"',
        cause,
      });
    default:
      return new CliError(`cannot connect to the daemon at ${where}: ${cause.message}`, { cause });
  }
}
