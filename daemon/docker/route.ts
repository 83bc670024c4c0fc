/** What a route of the Docker Engine API is: one file a verb declares one; routes.ts is the table of them. */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { Download, Engine, Resource } from '../api/engine.ts';
import type { ErrorTexts } from './error.ts';
import type { DockerQuery } from './query.ts';

/** What handlers work with. */
export interface Docker {
  readonly engine: Engine;
  readonly logger: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** One request. */
export interface DockerCall {
  /** What the path names: its `:id`, decoded; of images with their slashes. "" where it names nothing. */
  readonly id: string;
  readonly query: DockerQuery;
  /** The JSON of the body as it came; {} where there was none. */
  readonly body: JsonObject;
  /** Of the API: 51 is 1.51. */
  readonly version: number;
  /** The body of a route with `upload`, from its first byte. */
  readonly upload: Readable;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborted when the client goes. */
  readonly signal: AbortSignal;
  /**
   * Takes the connection over, once: 101 where the client asked for an upgrade, else 200 and all that follows. What is
   * read is what the client sends behind its request, and its end is the client's half-close; what is written goes out as
   * it is. Nothing must be thrown after it. It is destroyed where the client has gone, also where nobody reads from it.
   */
  hijack(contentType: string): Socket;
  /** The same for a websocket, whose handshake the taker answers. Undefined: the client did not ask for an upgrade. */
  hijackWebSocket(): Socket | undefined;
}

export interface DockerAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, in place of `json`. */
  readonly text?: string;
  /** Sent piece by piece, in place of both: the headers go out at once, and a failure half-way cuts the connection. */
  readonly stream?: AsyncIterable<Uint8Array | string>;
  /** Large ones, sent as `stream` is; its own headers are those of the native API, and left out. */
  readonly download?: Download;
  /** Default: application/json for `json`, text/plain for `text`. */
  readonly contentType?: string;
}

export interface DockerRoute {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without a version: `/containers/:id/json`. `:id+` takes slashes too: `/images/:id+/json`. */
  readonly path: string;
  /** What `:id` names, for the audit log. */
  readonly resource?: Resource;
  /** The body is a stream of bytes, whatever its type. */
  readonly upload?: boolean;
  /** Has a line in the audit log. Default: all but GET and HEAD. */
  readonly audited?: boolean;
  /** Words of its own for errors of the engine. */
  readonly texts?: ErrorTexts;
  /** Undefined: it has taken the connection over. Throws DockerError, EngineError. */
  handle(docker: Docker, call: DockerCall): Promise<DockerAnswer | undefined> | DockerAnswer | undefined;
}

export function dockerRoute(route: DockerRoute): DockerRoute {
  return route;
}
