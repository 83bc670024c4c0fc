/** The daemon as commands see it: requests that give JSON or throw, streams of JSON lines, WebSockets. */
import type { Progress } from '../../shared/api/image.ts';
import type { Problem } from '../../shared/api/problem.ts';
import { CliError, ConnectionLostError, ProblemError, messageOf } from '../errors.ts';
import { WebSocket, checkUpgrade, upgradeHeaders } from '../websocket/socket.ts';
import { Connection, type RequestOptions } from './connection.ts';
import { PieceReading, type PieceTaker } from './piece-reading.ts';
import type { ResponseHead } from './response-parser.ts';

/** shared/api/common.ts says the same; importing it would load the schemas. */
const API_BASE = '/v1';

export const DEFAULT_HOST = 'unix:///run/tare/tare.sock';

/** What comes on a connection whose pieces are lent is read into so much memory; it is in the processor's cache still when they are taken. */
const ROOM = 256 * 1024;

/** Values of a query; undefined ones are left out, lists are repeated. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export class Daemon {
  readonly host: string;
  readonly #path: string;
  #idle: Connection[] = [];
  readonly #open = new Set<Connection>();

  /** `host`: "unix:///path/to/tare.sock", or an absolute path. Throws CliError. */
  constructor(host: string) {
    this.host = host;
    this.#path = socketPath(host);
  }

  /** Throws ProblemError for an answer that is not a success. An empty answer gives undefined. */
  async request(method: string, path: string, options: RequestOptions & { query?: Query } = {}): Promise<unknown> {
    const connection = this.#connection();
    let head: ResponseHead | undefined;
    const chunks: Buffer[] = [];
    await connection.exchange(method, target(path, options.query), options, {
      head: (received) => {
        head = received;
      },
      body: (chunk) => {
        chunks.push(chunk);
      },
    });
    this.#release(connection);
    return readAnswer(head, Buffer.concat(chunks));
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.request('GET', path, { query }) as Promise<T>;
  }

  post<T = undefined>(path: string, body?: unknown, query: Query = {}): Promise<T> {
    return this.request('POST', path, { query, ...(body === undefined ? {} : { body }) }) as Promise<T>;
  }

  delete<T = unknown>(path: string, query: Query = {}): Promise<T> {
    return this.request('DELETE', path, { query }) as Promise<T>;
  }

  /** The head of what a GET would answer, whatever its status: there is no body that would tell more. */
  async head(path: string, query: Query = {}): Promise<ResponseHead> {
    const connection = this.#connection();
    let head: ResponseHead | undefined;
    await connection.exchange(
      'HEAD',
      target(path, query),
      {},
      {
        head: (received) => {
          head = received;
        },
        body: () => undefined,
      },
    );
    this.#release(connection);
    if (head === undefined) throw new ConnectionLostError();
    return head;
  }

  /** Newline-delimited JSON, in order, the next only after the former was taken. */
  lines(path: string, query: Query, take: (value: unknown) => Promise<void> | void): Promise<void> {
    return this.#lines('GET', path, { query }, take);
  }

  /**
   * Work that tells how it goes on (`Progress` of shared/api/image.ts). Resolves to its result; throws ProblemError
   * where it failed, also half-way.
   */
  async progress<T>(
    path: string,
    options: RequestOptions & { query?: Query },
    take: (progress: Progress) => void,
  ): Promise<T> {
    let result: { value: unknown } | undefined;
    await this.#lines('POST', path, options, (line) => {
      const progress = line as Progress;
      if (progress.problem !== undefined) throw new ProblemError(progress.problem);
      if ('result' in progress) result = { value: progress.result };
      else take(progress);
    });
    if (result === undefined) throw new ConnectionLostError();
    return result.value as T;
  }

  /**
   * A body of any length in pieces. `begin` is given the head of a success and gives what takes the pieces: the next
   * only after the former was taken, and the socket waits meanwhile, so a slow reader slows the daemon and fills no
   * memory here. An answer that is cut off throws ConnectionLostError. `isLent`: the memory of a piece is used again for
   * the next, which is faster by far where there are many.
   */
  async download(
    method: string,
    path: string,
    options: RequestOptions & { query?: Query },
    begin: (head: ResponseHead) => PieceTaker,
    isLent = false,
  ): Promise<void> {
    const connection = isLent ? this.#connect(Buffer.allocUnsafeSlow(ROOM)) : this.#connection();
    const refused: Buffer[] = [];
    const reading = new PieceReading(connection);
    let head: ResponseHead | undefined;
    const broken = await connection
      .exchange(method, target(path, options.query), options, {
        head: (received) => {
          head = received;
          if (isSuccess(received)) reading.begin(() => begin(received));
        },
        body: (chunk) => {
          if (head !== undefined && isSuccess(head)) reading.take(chunk);
          else refused.push(Buffer.from(chunk));
        },
      })
      .then(
        () => undefined,
        (error: unknown) => error as Error,
      );
    await reading.end();
    if (broken !== undefined) throw broken;
    this.#release(connection, isLent);
    if (head === undefined || !isSuccess(head)) readAnswer(head, Buffer.concat(refused));
  }

  async #lines(
    method: string,
    path: string,
    options: RequestOptions & { query?: Query },
    take: (value: unknown) => Promise<void> | void,
  ): Promise<void> {
    let held: Buffer = Buffer.alloc(0);
    const consume = async (text: string): Promise<void> => {
      for (const line of text.split('\n')) {
        if (line !== '') await take(parseJson(line));
      }
    };
    await this.download(method, path, { ...options, accept: 'application/x-ndjson' }, () => (piece) => {
      const end = piece.lastIndexOf(0x0a);
      if (end === -1) {
        held = Buffer.concat([held, piece]);
        return undefined;
      }
      const text = Buffer.concat([held, piece.subarray(0, end)]).toString('utf8');
      held = Buffer.from(piece.subarray(end + 1));
      return consume(text);
    });
    if (held.length > 0) await consume(held.toString('utf8'));
  }

  /** Resolves after the 101; throws ProblemError where the daemon refuses. */
  async webSocket(path: string, query: Query, protocol: string): Promise<WebSocket> {
    const connection = this.#connection();
    let head: ResponseHead | undefined;
    const chunks: Buffer[] = [];
    const headers = upgradeHeaders(protocol);
    await connection.exchange(
      'GET',
      target(path, query),
      { headers },
      {
        head: (received) => {
          head = received;
          // Frames may lie right behind the 101; nothing may be read before somebody listens.
          if (received.status === 101) connection.pause();
        },
        body: (chunk) => {
          chunks.push(chunk);
        },
      },
    );
    if (head?.status !== 101) {
      this.#release(connection);
      readAnswer(head, Buffer.concat(chunks));
      throw new CliError('the daemon did not open a websocket');
    }
    try {
      checkUpgrade(head.headers, protocol);
    } catch (error) {
      connection.close();
      throw new CliError(messageOf(error), { cause: error });
    }
    this.#open.delete(connection);
    return new WebSocket(connection);
  }

  /** Opens connections ahead of the requests that are to come at the same time, while others are under way. */
  prepare(count: number): void {
    while (this.#idle.length < count) this.#idle.push(this.#connect());
  }

  /** Ends all connections, also those in use. */
  close(): void {
    for (const connection of this.#open) connection.close();
  }

  #connection(): Connection {
    const idle = this.#idle.find((connection) => connection.idle);
    if (idle === undefined) return this.#connect();
    this.#idle = this.#idle.filter((connection) => connection !== idle);
    return idle;
  }

  #connect(room?: Buffer): Connection {
    const connection = new Connection(this.#path, room);
    this.#open.add(connection);
    return connection;
  }

  #release(connection: Connection, isLent = false): void {
    if (connection.idle && !isLent) {
      this.#idle.push(connection);
      return;
    }
    connection.close();
    this.#open.delete(connection);
  }
}

function socketPath(host: string): string {
  const path = host.startsWith('unix://') ? host.slice('unix://'.length) : host;
  if (!path.startsWith('/')) {
    throw new CliError(`host "${host}" is not a unix socket`, { hint: `write it as ${DEFAULT_HOST}` });
  }
  return path;
}

function target(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const item of Array.isArray(value) ? (value as readonly string[]) : [value]) {
      parameters.append(name, String(item));
    }
  }
  const text = parameters.toString();
  return `${API_BASE}${path}${text === '' ? '' : `?${text}`}`;
}

function readAnswer(head: ResponseHead | undefined, body: Buffer): unknown {
  if (head === undefined) throw new ConnectionLostError();
  const json = /[/+]json/.test(head.headers.get('content-type') ?? '');
  const value: unknown = json && body.length > 0 ? parseJson(body.toString('utf8')) : undefined;
  if (isSuccess(head)) return value;
  if (isProblem(value)) throw new ProblemError(value);
  const text = body.toString('utf8').trim().slice(0, 200);
  throw new CliError(`the daemon answered ${String(head.status)}${text === '' ? '' : `: ${text}`}`);
}

function isSuccess({ status }: ResponseHead): boolean {
  return status >= 200 && status < 300;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError('the daemon answered with malformed json', { cause: error });
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'detail' in value && typeof value.detail === 'string';
}
