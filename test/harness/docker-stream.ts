/** Connections of the Docker Engine API's clients, byte by byte: what is sent, and what comes. */
import { connect, type Socket } from 'node:net';
import { until } from './until.ts';

export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Output of a process by its streams, however its frames were cut. */
export interface Said {
  stdout: string;
  stderr: string;
}

export class DockerStream {
  readonly socket: Socket;
  private bytes = Buffer.alloc(0);
  /** All that came, also what was not kept. */
  received = 0;
  /** The daemon has sent its end. */
  ended = false;
  closed = false;
  private keep = true;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.received += piece.length;
      if (this.keep) this.bytes = Buffer.concat([this.bytes, piece]);
    });
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.closed = true));
    socket.on('error', () => undefined);
  }

  /** A connection on which nothing is said yet. */
  static open(path: string): Promise<DockerStream> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new DockerStream(socket));
      });
    });
  }

  /** Sends the request; resolves with the head of what is answered. */
  static async ask(path: string, request: string): Promise<DockerStream & { readonly head: Head }> {
    const stream = await DockerStream.open(path);
    stream.write(request);
    return Object.assign(stream, { head: await stream.readHead() });
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends no more, and reads on. */
  half(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** What comes is counted only. */
  forget(): void {
    this.keep = false;
    this.bytes = Buffer.alloc(0);
  }

  /** Behind the head. */
  get body(): Buffer {
    return this.bytes;
  }

  /** Takes the next head out of what came. */
  async readHead(): Promise<Head> {
    await until('a head came', () => this.bytes.includes('\r\n\r\n') || this.ended || this.closed);
    const end = this.bytes.indexOf('\r\n\r\n');
    if (end === -1) throw new Error(`no answer, but ${JSON.stringify(this.bytes.toString('latin1'))}`);
    const [first = '', ...lines] = this.bytes.subarray(0, end).toString('latin1').split('\r\n');
    this.bytes = this.bytes.subarray(end + 4);
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers) };
  }

  /** The next answer of a connection that goes on: its length is told. */
  async readAnswer(): Promise<Head & { readonly body: string }> {
    const head = await this.readHead();
    const length = Number(head.headers['content-length'] ?? 0);
    await until('the body came', () => this.bytes.length >= length || this.ended);
    const body = this.bytes.subarray(0, length).toString();
    this.bytes = this.bytes.subarray(length);
    return { ...head, body };
  }

  /** What whole frames said so far. Throws where something is no frame. */
  get said(): Said {
    const said: Said = { stdout: '', stderr: '' };
    for (let at = 0; at + 8 <= this.bytes.length;) {
      const stream = ({ 1: 'stdout', 2: 'stderr' } as const)[this.bytes[at] ?? 0];
      if (stream === undefined)
        throw new Error(`no frame: ${JSON.stringify(this.bytes.subarray(at).toString('latin1'))}`);
      const length = this.bytes.readUInt32BE(at + 4);
      said[stream] += this.bytes.subarray(at + 8, at + 8 + length).toString();
      at += 8 + length;
    }
    return said;
  }

  async shows(pattern: RegExp): Promise<void> {
    await until(`it shows ${String(pattern)}, not ${this.bytes.toString('latin1')}`, () =>
      pattern.test(this.bytes.toString('latin1')),
    );
  }

  async end(): Promise<void> {
    await until('the daemon ends it', () => this.ended || this.closed);
  }
}

export interface RequestParts {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: readonly string[];
  readonly upgrade?: boolean;
}

/** An HTTP request as text. */
export function requestText({ method = 'POST', path, body = '', headers = [], upgrade = false }: RequestParts): string {
  const lines = [
    `${method} /v1.51${path} HTTP/1.1`,
    'Host: docker',
    ...(upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
    ...(body === '' ? [] : ['Content-Type: application/json']),
    ...(body === '' && method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
