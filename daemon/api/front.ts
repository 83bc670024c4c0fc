/** What stands behind the socket: one HTTP server, whose requests and upgrades go to the edge that they are meant for. */
import { EventEmitter } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { Socket } from 'node:net';

/** An API beside the native one. */
export interface Edge {
  claims(url: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Makes what else its first request would wait for. */
  ready(): Promise<void>;
  /** Ends the connections that were taken over. */
  close(): Promise<void>;
}

/** For headers to come. */
const HEADERS_TIMEOUT_MS = 20_000;
/** Of a connection without requests: as long as fastify's own. */
const KEEP_ALIVE_MS = 72_000;

/** Upgrades that are the native API's: what @fastify/websocket listens to. */
export class Upgrades extends EventEmitter {}

/** A server of that API alone. */
export function createOnly(edge: Edge): Server {
  return createFront(
    (request, response) => {
      edge.handle(request, response);
    },
    new Upgrades(),
    { ...edge, claims: () => true },
  );
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export function createFront(native: Handler, upgrades: Upgrades, other: Edge | undefined): Server {
  const server = createServer(
    // Answers, uploads and upgraded connections last as long as they like; of other bodies see limitBody.
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      if (other?.claims(request.url ?? '') === true) other.handle(request, response);
      else native(request, response);
    },
  );
  server.on('upgrade', (request, socket, head) => {
    if (other?.claims(request.url ?? '') === true && socket instanceof Socket) other.upgrade(request, socket, head);
    else upgrades.emit('upgrade', request, socket, head);
  });
  return server;
}
