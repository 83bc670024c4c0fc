/**
 * The Docker Engine API: a second edge on the same connections, over the same engine. It is a fastify of its own, as its
 * paths, its bodies and its errors have other rules than those of the native API; it never listens: the front
 * (daemon/api/front.ts) hands it what is meant for it.
 */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import { COMPILERS } from '../api/compilers.ts';
import { limitBody } from '../api/deadline.ts';
import type { Engine } from '../api/engine.ts';
import { follow, noteProblem, type PeerOf } from '../api/follow.ts';
import type { Edge } from '../api/front.ts';
import { parseQuery } from '../api/query.ts';
import { ClientGone, isFault } from '../api/problem.ts';
import type { RequestRecorder } from '../api/recorder.ts';
import type { ApiLogger } from '../api/server.ts';
import { MAX_BODY, readBody } from './body.ts';
import { cutConnections, receiveUpgrade, upgradeOf } from './connection.ts';
import { DockerError, toDockerError } from './error.ts';
import { jsonBytes, jsonText, registerDockerRoutes } from './register.ts';
import { DOCKER_ROUTES } from './routes.ts';
import { NEWEST, askedOf, isDockers, refusalOf, versionText } from './versions.ts';

export interface DockerParts {
  readonly engine: Engine;
  readonly logger: ApiLogger;
  readonly recorder: RequestRecorder;
  readonly peerOf: PeerOf;
  /** Of tare. */
  readonly version: string;
}

export function createDockerApi(parts: DockerParts): Edge {
  const server = createInstance(parts);
  registerDockerRoutes(server, DOCKER_ROUTES, parts);
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    server.routing(request, response);
  };
  return {
    claims: isDockers,
    handle,
    upgrade: (request, socket, head) => {
      receiveUpgrade(request, socket, head, handle);
    },
    ready: async () => {
      await server.ready();
    },
    close: async () => {
      cutConnections();
      await server.close();
    },
  };
}

function createInstance(parts: DockerParts): FastifyInstance {
  const headers = headersOf(parts.version);
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024, querystringParser: parseQuery, ignoreDuplicateSlashes: true },
    schemaController: { compilersFactory: COMPILERS },
    rewriteUrl: ({ url = '/' }) => askedOf(url).url,
    // never listens
    serverFactory: () => createServer(),
    frameworkErrors: (error, _request, reply) => {
      reply.raw.writeHead(400, { ...headers, 'content-type': 'application/json', connection: 'close' });
      reply.raw.end(jsonText({ message: error.message }));
    },
  });
  server.removeAllContentTypeParsers();
  // of any type: what is taken as JSON is decided where it is read, in dockerd's order
  server.addContentTypeParser('*', (request, _payload, done) => {
    if (request.routeOptions.config.upload === true) done(null);
    else readBody(request.raw, done);
  });
  server.addHook('onRequest', (request, reply, done) => {
    follow(request, reply, parts);
    reply.headers(headers);
    if (request.routeOptions.config.upload !== true) {
      limitBody(request.raw, () => {
        request.raw.socket.destroy();
      });
    }
    const refusal = refusalOf(askedOf(request.originalUrl).version);
    done(refusal === undefined ? undefined : new DockerError(400, refusal));
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof ClientGone) {
      reply.hijack();
      return undefined;
    }
    const { status, message } = toDockerError(foreseen(error, request));
    noteProblem(request, `docker_${String(status)}`);
    if (isOurFault(error)) {
      parts.logger.error({ err: error, method: request.method, url: request.url }, 'request failed');
    }
    if (upgradeOf(request.raw) !== undefined) reply.header('connection', 'close');
    return reply.code(status).header('content-type', 'application/json').send(jsonBytes({ message }));
  });
  server.setNotFoundHandler(() => {
    throw new DockerError(404, 'page not found');
  });
  return server;
}

/** What fastify refuses before the route has a say. */
function foreseen(error: FastifyError, { headers }: FastifyRequest): unknown {
  if (error.code !== 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return error;
  const type = headers['content-type']?.slice(0, 128) ?? '';
  return new DockerError(400, `malformed Content-Type header (${type}): mime: no media type`);
}

/** What was refused on purpose is no fault, whatever its status. */
function isOurFault(error: unknown): boolean {
  if (error instanceof DockerError) return error.cause !== undefined && isFault(error.cause);
  return isFault(error);
}

/** On every answer: by them clients agree on a version, and know the system. */
function headersOf(version: string): Readonly<Record<string, string>> {
  return {
    'api-version': versionText(NEWEST),
    'docker-experimental': 'false',
    ostype: 'linux',
    server: `Tare/${version} (linux)`,
    'builder-version': '1',
  };
}
