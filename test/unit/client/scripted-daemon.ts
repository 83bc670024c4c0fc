/**
 * A stand-in for the daemon at the other end of the client's socket: it speaks the API's paths and frames and plays
 * the programs that tests ask for. Its HTTP and WebSocket come from libraries, so that the client's own are tested
 * against others' understanding of the protocols.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { CHANNEL, STREAM_PROTOCOL } from '../../../shared/streams.ts';

export interface Call {
  readonly method: string;
  readonly url: string;
  /** JSON; undefined for what is sent otherwise. */
  readonly body: unknown;
  readonly bytes?: Buffer;
  readonly headers?: IncomingMessage['headers'];
}

interface Running {
  readonly command: readonly string[];
  readonly webSocket: WebSocket | undefined;
}

/** `bytes` in place of `body`: an archive. */
export type Answer =
  { status: number; body?: unknown; bytes?: Buffer; headers?: Readonly<Record<string, string>> } | undefined;

export class ScriptedDaemon {
  readonly socket: string;
  readonly calls: Call[] = [];
  /** Frames from the client: the channel and what followed. */
  readonly frames: { channel: number; payload: Buffer }[] = [];
  /** Answers that come before the usual ones. */
  answer: (call: Call) => Answer = () => undefined;
  readonly #directory: string;
  readonly #server: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => STREAM_PROTOCOL });
  readonly #commands = new Map<string, readonly string[]>();
  readonly #attached = new Map<string, WebSocket>();
  readonly #waiting: ServerResponse[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #sockets = new Set<Duplex>();
  #next = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.socket = join(directory, 'tare.sock');
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    this.#server.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
  }

  static async listen(): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(mkdtempSync(join(tmpdir(), 'tare-client-')));
    await new Promise<void>((resolve) => daemon.#server.listen(daemon.socket, resolve));
    return daemon;
  }

  /** As a kill -9 looks to the other end. */
  die(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.die();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Resolves when `condition` holds; looked at after every call and frame. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!condition()) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** What came on stdin. */
  stdin(): string {
    return Buffer.concat(
      this.frames.filter(({ channel }) => channel === CHANNEL.stdin).map(({ payload }) => payload),
    ).toString();
  }

  called(method: string, path: RegExp): Call | undefined {
    return this.calls.find((call) => call.method === method && path.test(call.url));
  }

  /** Sends to whoever is attached. */
  show(id: string, text: string | Buffer, channel: number = CHANNEL.stdout): void {
    this.#attached.get(id)?.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  }

  exit(id: string, code: number): void {
    const webSocket = this.#attached.get(id);
    if (webSocket !== undefined) endWith(webSocket, code);
    for (const response of this.#waiting.splice(0)) json(response, 200, exitOf(code));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const isJson = request.headers['content-type'] === 'application/json' && bytes.length > 0;
    const call = {
      method: request.method ?? '',
      url: request.url ?? '',
      body: isJson ? (JSON.parse(bytes.toString()) as unknown) : undefined,
      bytes,
      headers: request.headers,
    };
    this.#note(call);
    const given = this.answer(call);
    if (given?.bytes !== undefined) response.writeHead(given.status, given.headers).end(given.bytes);
    else if (given !== undefined) json(response, given.status, given.body);
    else this.#usual(call, response);
  }

  #usual({ method, url, body }: Call, response: ServerResponse): void {
    const [path = ''] = url.split('?');
    const id = /^\/v1\/(?:containers|execs)\/([^/]+)/.exec(path)?.[1] ?? '';
    const command = (body as { command?: string[] } | undefined)?.command ?? [];
    if (method === 'POST' && path === '/v1/containers') {
      const fresh = this.#fresh('c', command);
      json(response, 201, { id: fresh, name: `name-${fresh}`, warnings: [] });
    } else if (method === 'POST' && path.endsWith('/execs')) {
      json(response, 201, { id: this.#fresh('e', command) });
    } else if (path.endsWith('/start')) {
      response.writeHead(204).end();
      this.#play(id, { command: this.#commands.get(id) ?? [], webSocket: this.#attached.get(id) });
    } else if (path.endsWith('/wait')) {
      if (this.#attached.get(id)?.readyState === 1) this.#waiting.push(response);
      else json(response, 404, problem('container_not_found', `no container ${id}`, 404));
    } else if (method === 'GET' && /^\/v1\/containers\/[^/]+$/.test(path)) {
      json(response, 200, { id, name: `name-${id}`, status: 'running', tty: false, stdin: true });
    } else {
      response.writeHead(204).end();
    }
  }

  #fresh(prefix: string, command: readonly string[]): string {
    this.#next += 1;
    const id = `${prefix}${String(this.#next)}`;
    this.#commands.set(id, command);
    return id;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const call = { method: 'UPGRADE', url: request.url ?? '', body: undefined };
    this.#note(call);
    const given = this.answer(call);
    if (given !== undefined) {
      const text = JSON.stringify(given.body);
      socket.end(
        `HTTP/1.1 ${String(given.status)} X\r\nContent-Type: application/problem+json\r\nContent-Length: ${String(Buffer.byteLength(text))}\r\n\r\n${text}`,
      );
      return;
    }
    const id = /^\/v1\/(?:containers|execs)\/([^/]+)/.exec(call.url)?.[1] ?? '';
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#attached.set(id, webSocket);
      webSocket.on('message', (message: Buffer) => {
        this.frames.push({ channel: message[0] ?? -1, payload: message.subarray(1) });
        this.#react(id, message);
        this.#look();
      });
      if (call.url.includes('/execs/')) this.#play(id, { command: this.#commands.get(id) ?? [], webSocket });
    });
  }

  /** `exit N`, `print N` bytes, `fail` at the start; `cat` answers what it gets, anything else runs on. */
  #play(id: string, { command, webSocket }: Running): void {
    const [program, argument = '0'] = command;
    if (webSocket === undefined) return;
    if (program === 'print') this.show(id, Buffer.alloc(Number(argument), 'x'));
    if (program === 'both') {
      this.show(id, 'out\n');
      this.show(id, 'err\n', CHANNEL.stderr);
    }
    if (program === 'exit' || program === 'print' || program === 'both')
      this.exit(id, program === 'exit' ? Number(argument) : 0);
  }

  #react(id: string, message: Buffer): void {
    if (this.#commands.get(id)?.[0] !== 'cat') return;
    if (message[0] === CHANNEL.stdin) this.show(id, message.subarray(1));
    if (message[0] === CHANNEL.close) this.exit(id, 0);
  }

  #note(call: Call): void {
    this.calls.push(call);
    this.#look();
  }

  #look(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

export function problem(code: string, detail: string, status: number, more: object = {}): object {
  return { type: `urn:tare:problem:${code}`, title: code, status, detail, code, ...more };
}

function exitOf(code: number): object {
  return { unknown: false, code, oomKilled: false, at: '2026-01-01T00:00:00.000000000Z' };
}

/** A body of the form {ndjson: […]} is sent as lines, in pieces that do not end where lines do. */
function json(response: ServerResponse, status: number, body: unknown): void {
  if (typeof body === 'object' && body !== null && 'ndjson' in body) {
    const text = (body.ndjson as unknown[]).map((line) => `${JSON.stringify(line)}\n`).join('');
    response.writeHead(status, { 'content-type': 'application/x-ndjson' });
    for (let at = 0; at < text.length; at += 50) response.write(text.slice(at, at + 50));
    response.end();
    return;
  }
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(JSON.stringify(body));
}

function endWith(webSocket: WebSocket, code: number): void {
  const status =
    code === 0
      ? { metadata: {}, status: 'Success' }
      : {
          metadata: {},
          status: 'Failure',
          reason: 'NonZeroExitCode',
          details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
        };
  webSocket.send(Buffer.concat([Buffer.from([CHANNEL.status]), Buffer.from(JSON.stringify(status))]));
  webSocket.close(1000);
}
