/**
 * The REST and WebSocket edge: builds the server from the table of routes. Each request passes, in this order: origin
 * and upgrade checks (gate.ts), the body's parser, validation, the engine, the answer; whatever is thrown on the way
 * becomes a problem document in one place.
 */
import type { Server } from 'node:http';
import fastifyWebsocket from '@fastify/websocket';
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { MAX_BODY, parseBody } from './body.ts';
import { limitBody } from './deadline.ts';
import { type Edge, Upgrades, createFront } from './front.ts';
import { goOn, heedPromises, waitsForWord } from './direct.ts';
import { drain } from './drain.ts';
import type { Engine } from './engine.ts';
import { COMPILERS } from './compilers.ts';
import { checkOrigin, checkUpgrade } from './gate.ts';
import { documentationPage } from './documentation.ts';
import { follow, noteProblem, type FollowParts, type PeerOf } from './follow.ts';
import { openApi } from './openapi.ts';
import { ClientGone, EdgeError, PROBLEM_TYPE, isFault, mediaTypeRefused, toProblem } from './problem.ts';
import { parseQuery } from './query.ts';
import { type RequestRecorder, createRequestRecorder } from './recorder.ts';
import { registerRoute } from './register.ts';
import type { Api } from './route.ts';
import { ROUTES } from './routes.ts';
import { takeUploads } from './upload.ts';

import { WEBSOCKET_OPTIONS } from './websocket.ts';

/** What the edge writes to: a pino logger does. */
export type ApiLogger = Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;

export interface ApiParts {
  readonly engine: Engine;
  readonly logger: ApiLogger;
  /** Of tare, for the documentation. */
  readonly version: string;
  /** Who is at the other end of a connection: native-bindings/peer-credentials.ts. */
  readonly peerOf: PeerOf;
  /** Absent: one of its own. */
  readonly recorder?: RequestRecorder;
  /** The API that has the same socket; absent: the native one has it for itself. */
  readonly other?: Edge;
}

/** Not listening yet: the caller says where. `close()` ends every connection. */
export function createApi(parts: ApiParts): FastifyInstance {
  const { engine, logger, version, peerOf, recorder = createRequestRecorder(), other } = parts;
  const api: Api = {
    engine,
    recorder,
    openApi: once(() => openApi(ROUTES, version)),
    docsPage: once(() => documentationPage(ROUTES, version)),
  };
  const upgrades = new Upgrades();
  const server = createServer(logger, upgrades, other);
  addHooks(server, { engine, logger, recorder, peerOf });
  server.register(fastifyWebsocket, {
    ...WEBSOCKET_OPTIONS,
    // it listens to the upgrades of its server, and nothing else
    options: { ...WEBSOCKET_OPTIONS.options, server: upgrades as unknown as Server },
  });
  if (other !== undefined) server.addHook('preClose', () => other.close());
  server.register((routes, _options, done) => {
    for (const route of ROUTES) if (route.upload !== true) registerRoute(routes, route, api, logger);
    done();
  });
  server.register((routes, _options, done) => {
    takeUploads(routes);
    for (const route of ROUTES) if (route.upload === true) registerRoute(routes, route, api, logger);
    done();
  });
  return server;
}

function createServer(logger: ApiLogger, upgrades: Upgrades, other: Edge | undefined): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    serverFactory: (handler) => createFront(handler, upgrades, other),
    forceCloseConnections: true,
    // A request that comes in while the server closes gets the engine's own `shutting_down`.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024, querystringParser: parseQuery },
    schemaController: { compilersFactory: COMPILERS },
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply, logger);
    },
    clientErrorHandler: refuseMalformed,
  });
  heedPromises(server.server);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    try {
      done(null, parseBody(bytes as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  server.setErrorHandler((error, request, reply) => {
    sendProblem(error, request, reply, logger);
  });
  server.setNotFoundHandler((request) => {
    throw noRoute(request);
  });
  return server;
}

function addHooks(server: FastifyInstance, parts: FollowParts): void {
  server.addHook('onRequest', (request, reply, done) => {
    follow(request, reply, parts);
    checkOrigin(request);
    if (request.routeOptions.config.direct !== true) goOn(request.raw);
    if (request.routeOptions.config.upload !== true) {
      limitBody(request.raw, () => {
        refuse(tooSlow(), request.raw.socket);
      });
    }
    done();
  });
  // After @fastify/websocket's own onRequest hook, which says whether this is an upgrade.
  server.addHook('preParsing', (request, _reply, _payload, done) => {
    checkUpgrade(request);
    const { 'content-type': type, 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (type === undefined && ((length !== undefined && length !== '0') || encoding !== undefined))
      throw mediaTypeRefused(request.routeOptions.config.upload);
    done();
  });
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: ApiLogger): void {
  if (error instanceof ClientGone || isAborted(error)) {
    reply.hijack();
    return;
  }
  const isUpload = request.routeOptions.config.upload === true;
  let problem = toProblem(error);
  if (isUpload && problem.code === 'unsupported_media_type') problem = toProblem(mediaTypeRefused(isUpload));
  noteProblem(request, problem.code);
  if (isFault(error)) logger.error({ err: error, method: request.method, url: request.url }, 'request failed');
  if (error instanceof EdgeError) reply.headers(error.headers);
  if (request.headers.upgrade !== undefined) endAfter(request, reply);
  // As bytes: to a text fastify would add a charset, which this media type does not have.
  reply.code(problem.status).header('content-type', PROBLEM_TYPE);
  const answer = (): void => {
    reply.send(Buffer.from(JSON.stringify(problem)));
  };
  const isSent = !waitsForWord(request.raw);
  if (isSent && (problem.code === 'body_too_large' || isUpload)) drain(request.raw, answer);
  else answer();
}

/** Node takes its HTTP parser off a connection at an upgrade: after a refusal nothing more can be asked on it. */
function endAfter(request: FastifyRequest, reply: FastifyReply): void {
  const { socket } = request.raw;
  reply.header('connection', 'close');
  reply.raw.once('finish', () => socket.end());
}

/** The connection broke while its body was read: Node's own error of an IncomingMessage. */
function isAborted(error: unknown): boolean {
  return error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET';
}

/** 405 where the path is known with other methods. */
function noRoute(request: FastifyRequest): EdgeError {
  const path = request.url.split('?', 1)[0] ?? '';
  const allowed = ROUTES.filter((route) => patternOf(route.path).test(path)).map(({ method }) => method);
  if (allowed.length === 0) {
    return new EdgeError('route_not_found', `there is nothing at ${path.slice(0, 256)}`, {
      hint: 'GET /v1/docs lists what there is',
    });
  }
  const allow = [...new Set(allowed)].join(', ');
  return new EdgeError('method_not_allowed', `${request.method} is not known here, but ${allow}`, {
    headers: { allow },
  });
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace(/:[a-z]+/, '[^/]+')}$`);
}

interface RawSocket {
  readonly writable: boolean;
  end(text: string): void;
  destroy(): void;
}

/** What node's HTTP parser refuses never becomes a request. */
function refuseMalformed(error: Error & { code?: string }, socket: RawSocket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  refuse(malformed(error.code), socket);
}

/** Without fastify, which has no request or is still waiting for one. */
function refuse(error: EdgeError, socket: RawSocket): void {
  const problem = toProblem(error);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${String(problem.status)} ${problem.title}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${String(Buffer.byteLength(body))}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function malformed(code: string | undefined): EdgeError {
  if (code === 'HPE_HEADER_OVERFLOW') return new EdgeError('headers_too_large', 'the headers are larger than 16 KiB');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return tooSlow();
  return new EdgeError('invalid_request', 'this is not an HTTP/1.1 request');
}

function tooSlow(): EdgeError {
  return new EdgeError('request_timeout', 'the request did not arrive in time');
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
