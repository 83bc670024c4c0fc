/**
 * Bodies that a thread reads from the connection itself. The event loop would have to take each piece in hand, 64 KiB at
 * a time, and with archives of files it is the event loop that is too slow.
 *
 * Nobody else must have read of such a body. So a client says ahead that it sends nothing of it before it is told to, by
 * `Expect: 100-continue`, which by itself only asks for it (RFC 9110, section 10.1.1), and by a header of our own, which
 * promises it. From the headers on the connection is paused; node's parser never sees the body, does not know where it
 * ends, and so the connection ends after the answer.
 */
import { closeSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { descriptorOf } from '../../native-bindings/peer-credentials.ts';
import { whenReadable } from '../../native-bindings/readable.ts';
import { receive } from '../../native-bindings/socket-input.ts';
import { duplicate } from '../../native-bindings/socket-output.ts';
import { ConnectionFailure } from '../engine/errors.ts';
import { DRAIN_BYTES, DRAIN_MS } from './drain.ts';
import type { DirectBody, DirectUpload } from './engine.ts';
import { ClientGone, EdgeError } from './problem.ts';

/** `waits`: the promise. */
const HEADER = 'x-tare-body';
/** Of what is thrown away, at a time. */
const ROOM = 64 * 1024;

interface Waiting {
  readonly response: ServerResponse;
}

const waiting = new WeakMap<IncomingMessage, Waiting>();

/** To be called before the server has requests. */
export function heedPromises(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers[HEADER] === 'waits' && canBeDirect(request.socket)) {
      request.socket.pause();
      waiting.set(request, { response });
    } else response.writeContinue();
    server.emit('request', request, response);
  });
}

/** Its client waits, and nothing of the body will come before it is told to go on. */
export function waitsForWord(request: IncomingMessage): boolean {
  return waiting.has(request);
}

/** The body comes as any other, through the event loop. */
export function goOn(request: IncomingMessage): void {
  const found = waiting.get(request);
  if (found === undefined) return;
  waiting.delete(request);
  found.response.writeContinue();
  request.socket.resume();
}

function canBeDirect(socket: Socket): boolean {
  return !(socket instanceof TLSSocket);
}

/** An upload that is waited with, from its request to the answer. */
export class DirectRequest implements DirectUpload {
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private fd: number | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  claim(): DirectBody {
    if (this.fd !== undefined) throw new Error('a body is claimed once');
    const { socket, headers } = this.request;
    if (this.request.readableLength > 0) throw new ConnectionFailure('malformed', 'it came before it was wanted');
    const connection = descriptorOf(socket);
    if (connection === undefined) throw new ConnectionFailure('gone', 'the client has gone');
    const fd = duplicate(connection);
    this.fd = fd;
    this.response.writeContinue();
    // node's parser does not know where the body ends
    this.response.shouldKeepAlive = false;
    return headers['transfer-encoding'] === undefined ? { fd, length: Number(headers['content-length'] ?? 0) } : { fd };
  }

  /** The body was read to its end. */
  done(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }

  /** Nobody wants the rest. The error as this edge knows it. */
  failed(error: unknown): unknown {
    const known = atThisEdge(error);
    if (known instanceof ClientGone) {
      this.done();
      this.response.destroy();
    } else if (this.fd !== undefined) discard(this.fd);
    return known;
  }
}

function atThisEdge(error: unknown): unknown {
  if (!(error instanceof ConnectionFailure)) return error;
  if (error.fault === 'gone') return new ClientGone();
  if (error.fault === 'silent') return new EdgeError('request_timeout', error.message);
  return new EdgeError('invalid_request', `the body is not one of HTTP/1.1: ${error.message}`);
}

/**
 * What its sender still sends is taken, within bounds, until it has read the answer and goes: a connection that is closed
 * on it would make it see EPIPE instead. The descriptor is closed then.
 */
function discard(fd: number): void {
  const room = Buffer.allocUnsafe(ROOM);
  let left = DRAIN_BYTES;
  let watch: { close(): void } | undefined;
  const end = (): void => {
    clearTimeout(deadline);
    watch?.close();
    closeSync(fd);
  };
  const deadline = setTimeout(end, DRAIN_MS);
  const take = (): void => {
    watch?.close();
    watch = undefined;
    const count = attempted(() => receive(fd, room));
    left -= count ?? 0;
    if (count === 0 || left < 0) end();
    else watch = whenReadable(fd, take);
  };
  watch = whenReadable(fd, take);
}

/** A connection that is reset has ended too. */
function attempted(act: () => number | undefined): number | undefined {
  try {
    return act();
  } catch {
    return 0;
  }
}
