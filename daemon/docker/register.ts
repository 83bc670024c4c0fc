/** One entry of the table as a route of fastify. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { stringifyJson } from '../../shared/json.ts';
import { drain } from '../api/drain.ts';
import { noteProblem, noteUpgrade } from '../api/follow.ts';
import { plainSocket } from '../api/plain-socket.ts';
import { ClientGone } from '../api/problem.ts';
import { Upload } from '../api/upload.ts';
import { takeOver, takeWebSocket, upgradeOf } from './connection.ts';
import { checkContentType, parseDockerBody } from './body.ts';
import { DockerError, toDockerError } from './error.ts';
import { DockerQuery } from './query.ts';
import type { Docker, DockerAnswer, DockerCall, DockerRoute, JsonObject } from './route.ts';
import { NEWEST, askedOf } from './versions.ts';

/** `:id+`, which fastify has as a wildcard at the end only: such routes share one, and are told by what follows it. */
const WITH_SLASHES = /^(.*)\/:id\+(.*)$/;

export function registerDockerRoutes(server: FastifyInstance, routes: readonly DockerRoute[], docker: Docker): void {
  const shared = new Map<string, DockerRoute[]>();
  for (const route of routes) {
    const [, beginning] = WITH_SLASHES.exec(route.path) ?? [];
    if (beginning === undefined) register(server, route, docker);
    else {
      const key = `${route.method} ${beginning}`;
      shared.set(key, [...(shared.get(key) ?? []), route]);
    }
  }
  for (const [key, alternatives] of shared) {
    const [method = '', beginning = ''] = key.split(' ');
    registerShared(server, { method, beginning }, alternatives, docker);
  }
}

function register(server: FastifyInstance, route: DockerRoute, docker: Docker): void {
  server.route({
    method: route.method,
    url: route.path,
    exposeHeadRoute: false,
    config: configOf(route),
    handler: (request, reply) => {
      const { id = '' } = request.params as { id?: string };
      return answer(docker, route, id, request, reply);
    },
  });
}

function registerShared(
  server: FastifyInstance,
  { method, beginning }: { readonly method: string; readonly beginning: string },
  alternatives: readonly DockerRoute[],
  docker: Docker,
): void {
  const known = alternatives
    .map((route) => ({ route, end: WITH_SLASHES.exec(route.path)?.[2] ?? '' }))
    .sort((left, right) => right.end.length - left.end.length);
  server.route({
    method,
    url: `${beginning}/*`,
    exposeHeadRoute: false,
    config: { audited: method !== 'GET' && method !== 'HEAD', upload: false },
    handler: (request, reply) => {
      const { '*': rest = '' } = request.params as { '*'?: string };
      const found = known.find(({ end }) => rest.endsWith(end) && rest.length > end.length);
      if (found === undefined) throw new DockerError(404, 'page not found');
      return answer(docker, found.route, rest.slice(0, rest.length - found.end.length), request, reply);
    },
  });
}

function configOf({ method, audited, resource, upload }: DockerRoute) {
  return { audited: audited ?? (method !== 'GET' && method !== 'HEAD'), resource, upload: upload === true };
}

async function answer(
  docker: Docker,
  route: DockerRoute,
  id: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const call = new Call(route, id, request, reply);
  try {
    const answered = await route.handle(docker, call);
    if (answered === undefined) return undefined;
    const stream = answered.stream ?? answered.download?.stream;
    if (stream !== undefined) {
      await sendPieces(call, answered, stream, docker);
      return undefined;
    }
    await call.done();
    return await send(reply, answered);
  } catch (error) {
    if (error instanceof ClientGone || call.isTaken) {
      if (!call.isTaken) reply.hijack();
      request.raw.socket.destroy();
      return undefined;
    }
    await call.done();
    throw toDockerError(error, route.texts, id);
  }
}

function send(reply: FastifyReply, { status, headers, json, text, contentType }: DockerAnswer): FastifyReply {
  reply.code(status).headers(headers ?? {});
  if (json !== undefined) return reply.header('content-type', contentType ?? 'application/json').send(jsonBytes(json));
  if (text !== undefined) return reply.header('content-type', contentType ?? 'text/plain; charset=utf-8').send(text);
  return reply.send();
}

/** A line, as Go's encoder ends it. */
export function jsonText(value: unknown): string {
  return `${stringifyJson(value)}\n`;
}

/** To a text fastify would add a charset, and docker's CLI takes "application/json" alone for JSON. */
export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(jsonText(value));
}

async function sendPieces(
  call: Call,
  { status, headers, contentType, download }: DockerAnswer,
  stream: AsyncIterable<Uint8Array | string>,
  docker: Docker,
): Promise<void> {
  const { request, reply } = call;
  const given = reply.getHeaders();
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(status, {
    ...(given as Record<string, string>),
    ...headers,
    'content-type': contentType ?? 'application/json',
  });
  raw.flushHeaders();
  try {
    const socket = download?.writeTo === undefined ? undefined : await plainSocket(raw);
    if (socket === undefined) await pipeline(Readable.from(stream, { objectMode: false }), raw, { end: false });
    else await download?.writeTo?.(socket);
    await call.done();
    raw.end();
  } catch (error) {
    raw.destroy();
    if (hasGone(raw, error)) return;
    noteProblem(request, 'internal');
    docker.logger.warn({ err: error, url: request.url }, 'stream broke off');
  }
}

function hasGone(raw: ServerResponse, error: unknown): boolean {
  return (
    error instanceof ClientGone ||
    (error as { code?: string }).code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    raw.errored !== null
  );
}

class Call implements DockerCall {
  readonly id: string;
  readonly query: DockerQuery;
  readonly body: JsonObject;
  readonly version: number;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  isTaken = false;
  private controller: AbortController | undefined;
  private stream: Upload | undefined;

  constructor(route: DockerRoute, id: string, request: FastifyRequest, reply: FastifyReply) {
    this.id = id;
    this.request = request;
    this.reply = reply;
    this.query = new DockerQuery(request.query as Record<string, string | string[] | undefined>);
    this.version = askedOf(request.originalUrl).version?.minor ?? NEWEST;
    this.body = route.upload === true ? {} : bodyOf(request);
  }

  get upload(): Upload {
    return (this.stream ??= new Upload(this.request.raw));
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = new AbortController();
      const gone = (): void => {
        controller.abort(new ClientGone());
      };
      const { raw } = this.reply;
      raw.once('close', () => {
        if (!raw.writableFinished) gone();
      });
      if (raw.destroyed) gone();
      this.controller = controller;
    }
    return this.controller.signal;
  }

  hijack(contentType: string): Socket {
    return this.taken(takeOver(this.request.raw, this.reply.raw, contentType));
  }

  hijackWebSocket(): Socket | undefined {
    const socket = takeWebSocket(this.request.raw, this.reply.raw);
    return socket === undefined ? undefined : this.taken(socket);
  }

  private taken(socket: Socket): Socket {
    this.isTaken = true;
    this.reply.hijack();
    noteUpgrade(this.request);
    const gone = (): void => this.controller?.abort(new ClientGone());
    if (socket.destroyed) gone();
    else socket.once('close', gone);
    return socket;
  }

  /**
   * However the work ended, the upload is done with. The rest of one that nobody wants is taken, within bounds, so that
   * its sender gets to read the answer.
   */
  async done(): Promise<void> {
    if (this.request.routeOptions.config.upload !== true) return;
    this.stream?.destroy();
    await new Promise<void>((resolve) => {
      drain(this.request.raw, resolve);
    });
  }
}

function bodyOf(request: FastifyRequest): JsonObject {
  const upgrade = upgradeOf(request.raw);
  const bytes = upgrade === undefined ? ((request.body as Buffer | undefined) ?? Buffer.alloc(0)) : upgrade.body;
  if (request.method === 'POST' || request.method === 'PUT') {
    checkContentType(request.headers['content-type'], bytes.length > 0);
  }
  return parseDockerBody(bytes);
}
