/**
 * Connections that are taken over. Node takes its parser off at an upgrade, before it has read the body that stands
 * behind the headers of exec's start: that much is taken from the socket first, then the request goes the way of all.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { endConnection } from './streams/end.ts';
import { watchClient } from './vanished.ts';

/** Of JSON that comes with an upgrade. */
const BODY_MAX = 64 * 1024;
/** For it to come. */
const BODY_MS = 20_000;

export interface Upgrade {
  readonly socket: Socket;
  readonly protocol: string;
  readonly body: Buffer;
  /** For websockets: nothing stands behind their request. */
  readonly head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();
const taken = new Set<Socket>();

export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/** Calls `route` with the request, when its body is there, and a response for what is answered in place of an upgrade. */
export function receiveUpgrade(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  const destroy = (): void => {
    socket.destroy();
  };
  // Node takes its own listener off at an upgrade, and knows the connection no more
  socket.on('error', destroy);
  takeSocket(socket);
  const length = lengthOf(request);
  if (length === undefined) {
    endConnection(socket, Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
    return;
  }
  const deadline = setTimeout(destroy, BODY_MS);
  let bytes = head;
  const proceed = (): boolean => {
    if (bytes.length < length) return false;
    clearTimeout(deadline);
    socket.off('data', more).off('close', forget).off('end', destroy);
    socket.pause();
    if (bytes.length > length) socket.unshift(bytes.subarray(length));
    upgrades.set(request, {
      socket,
      protocol: request.headers.upgrade?.toLowerCase() ?? '',
      body: bytes.subarray(0, length),
      head: Buffer.alloc(0),
    });
    // its body is here and not where fastify would wait for it
    delete request.headers['content-length'];
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => endConnection(socket));
    route(request, response);
    return true;
  };
  const more = (piece: Buffer): void => {
    bytes = Buffer.concat([bytes, piece]);
    proceed();
  };
  const forget = (): void => {
    clearTimeout(deadline);
  };
  if (proceed()) return;
  // whoever ends before that will not send it
  socket.on('data', more).on('close', forget).on('end', destroy);
  socket.resume();
}

/** Undefined: nobody can say where the body ends, or it is beyond the bound. */
function lengthOf({ headers }: IncomingMessage): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isSafeInteger(length) && length >= 0 && length <= BODY_MAX ? length : undefined;
}

/** See DockerCall.hijack. */
export function takeOver(request: IncomingMessage, response: ServerResponse, contentType: string): Socket {
  const upgrade = upgrades.get(request);
  const { socket } = upgrade ?? request;
  if (!mayTake(socket, response)) return socket;
  if (upgrade === undefined) {
    releaseFromParser(request);
    takeSocket(socket);
  }
  const head =
    upgrade === undefined
      ? `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`
      : `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;
  socket.write(head);
  return socket;
}

/** Of a websocket: its handshake is the taker's to answer. Undefined: the request asks for no upgrade. */
export function takeWebSocket(request: IncomingMessage, response: ServerResponse): Socket | undefined {
  const socket = upgrades.get(request)?.socket;
  if (socket !== undefined) mayTake(socket, response);
  return socket;
}

/** False: its client has gone, or still waits for the answer to an earlier request, which would be mixed with all this. */
function mayTake(socket: Socket, response: ServerResponse): boolean {
  if (!socket.destroyed && response.socket === socket) {
    response.detachSocket(socket);
    return true;
  }
  socket.destroy();
  return false;
}

/** From now on only this module knows that there is such a connection. */
function takeSocket(socket: Socket): void {
  taken.add(socket);
  socket.once('close', () => taken.delete(socket));
  watchClient(socket);
}

/**
 * Clients of old take a connection over without asking for an upgrade: what they send behind their request is input, no
 * further request, and its end is not the end of the connection. Node reads by itself until somebody else listens.
 */
function releaseFromParser({ socket }: IncomingMessage): void {
  socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('drain');
  socket.on('error', () => {
    socket.destroy();
  });
  socket.on('data', () => undefined).removeAllListeners('data');
  socket.pause();
}

/** The daemon goes down. */
export function cutConnections(): void {
  for (const connection of taken) connection.destroy();
}
