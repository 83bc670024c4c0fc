/** A WebSocket client (RFC 6455) over a connection that has been upgraded. */
import type { Socket } from 'node:net';
import type { Connection } from '../http/connection.ts';
import { ConnectionLostError, messageOf } from '../errors.ts';
import { FrameDecoder, OPCODE, frameHeader } from './frame.ts';

/**
 * The nonce of the opening handshake and its answer, both from RFC 6455, section 1.3. The exchange proves that the
 * other end speaks WebSocket; a fixed nonce proves it as well where no cache lies between, and needs no SHA-1
 * (node:crypto takes 4 ms to load).
 */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

export interface WebSocketHandler {
  /** A part of a message; see FrameHandler. */
  message(part: Buffer, first: boolean, last: boolean): void;
  /** Once. `error` present: the connection broke, or the peer broke the protocol. */
  closed(end: { code: number; reason: string; error?: Error }): void;
  /** What was written has gone out; only after a `send` that returned false. */
  drain(): void;
}

export function upgradeHeaders(protocol: string): readonly string[] {
  return [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
}

/** Throws Error where the 101's headers are not the answer to `upgradeHeaders(protocol)`. */
export function checkUpgrade(headers: ReadonlyMap<string, string>, protocol: string): void {
  if (headers.get('sec-websocket-accept') !== ACCEPT) throw new Error('the daemon does not speak websocket');
  const chosen = headers.get('sec-websocket-protocol');
  if (chosen !== protocol) throw new Error(`the daemon speaks ${chosen ?? 'no protocol'} where ${protocol} is meant`);
}

export class WebSocket {
  readonly #socket: Socket;
  readonly #first: Buffer;
  #decoder: FrameDecoder | undefined;
  #handler: WebSocketHandler | undefined;
  #closeSent = false;
  #ended = false;

  constructor(connection: Connection) {
    const { socket, first } = connection.takeSocket();
    this.#socket = socket;
    this.#first = first;
  }

  /** Begins to deliver. What came before is held by the kernel. */
  open(handler: WebSocketHandler): void {
    this.#handler = handler;
    this.#decoder = new FrameDecoder({
      message: (part, first, last) => {
        handler.message(part, first, last);
      },
      ping: (payload) => {
        this.#write(OPCODE.pong, [payload]);
      },
      close: (code, reason) => {
        this.close(code === 1005 ? 1000 : code);
        this.#finish({ code, reason });
      },
    });
    this.#socket.on('data', (bytes: Buffer) => {
      this.#feed(bytes);
    });
    this.#socket.on('drain', () => {
      handler.drain();
    });
    this.#socket.on('error', (error) => {
      this.#finish({ code: 1006, reason: '', error: new ConnectionLostError(undefined, error) });
    });
    this.#socket.on('close', () => {
      this.#finish({ code: 1006, reason: '', error: new ConnectionLostError() });
    });
    if (this.#first.length > 0) this.#feed(this.#first);
    this.#socket.resume();
  }

  /** One binary message of all `parts`. Returns false where the caller should wait for `drain`. */
  send(...parts: readonly Buffer[]): boolean {
    return this.#write(OPCODE.binary, parts);
  }

  /** Backpressure: nothing more is read until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye; the peer's answer is not awaited. */
  close(code = 1000): void {
    if (this.#closeSent) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#write(OPCODE.close, [payload]);
    this.#closeSent = true;
    this.#socket.end();
  }

  #feed(bytes: Buffer): void {
    if (this.#ended) return;
    try {
      this.#decoder?.feed(bytes);
    } catch (error) {
      this.#socket.destroy();
      this.#finish({ code: 1002, reason: '', error: new ConnectionLostError(messageOf(error), error) });
    }
  }

  #write(opcode: number, parts: readonly Buffer[]): boolean {
    if (this.#closeSent || this.#socket.destroyed) return true;
    let length = 0;
    for (const part of parts) length += part.length;
    this.#socket.cork();
    let ready = this.#socket.write(frameHeader(opcode, length));
    for (const part of parts) ready = this.#socket.write(part);
    this.#socket.uncork();
    return ready;
  }

  #finish(end: { code: number; reason: string; error?: Error }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handler?.closed(end);
  }
}
