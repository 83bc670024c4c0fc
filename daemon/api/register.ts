/** One entry of the table as a route of fastify. */
import { pipeline } from 'node:stream/promises';
import { Type, type TObject } from '@sinclair/typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { NAME_PATTERN, closed } from '../../shared/api/common.ts';
import { ImageRef } from '../../shared/api/image.ts';
import type { Problem } from '../../shared/api/problem.ts';
import { DirectRequest, waitsForWord } from './direct.ts';
import { drain } from './drain.ts';
import type { Report, Resource, Tell } from './engine.ts';
import { noteId, noteProblem, noteUpgrade } from './follow.ts';
import { plainSocket } from './plain-socket.ts';
import { ClientGone, isFault, toProblem } from './problem.ts';
import { ProgressStream, wantsProgress } from './progress.ts';
import {
  isAudited,
  type AnswerRoute,
  type Api,
  type Call,
  type DownloadRoute,
  type ProgressRoute,
  type Route,
  type SocketRoute,
  type StreamRoute,
} from './route.ts';
import { chooseFormat, sendStream } from './stream.ts';
import { Upload } from './upload.ts';
import { attachBeforeUpgrade, serveWebSocket } from './websocket.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route speaks WebSocket. */
    socket?: boolean;
    /** It has a line in the audit log. */
    audited?: boolean;
    /** What its `:id` names, if it is one of these. */
    resource?: Resource | undefined;
    /** The body is a stream of bytes. */
    upload?: boolean;
    /** The body may be read from the connection itself. */
    direct?: boolean;
  }
}

const NOTHING = closed({});
const PATH_PARAMETERS = closed({
  id: Type.String({
    pattern: NAME_PATTERN,
    description: 'an id or name: letters, digits, "_", "." and "-", at most 128',
  }),
});
/** Its slashes come as %2F. */
const IMAGE_PARAMETERS = closed({ id: ImageRef });

type Logger = Pick<FastifyBaseLogger, 'warn' | 'error'>;

export function registerRoute(server: FastifyInstance, route: Route, api: Api, logger: Logger): void {
  const { method, path } = route;
  const common: Omit<RouteOptions, 'handler'> = {
    method,
    url: path,
    schema: {
      querystring: route.query ?? NOTHING,
      ...(method === 'GET' || method === 'HEAD' || route.upload === true ? {} : { body: route.body ?? NOTHING }),
      ...(path.includes(':id') ? { params: parametersOf(path) } : {}),
    },
    config: {
      socket: route.kind === 'socket',
      audited: isAudited(route),
      resource: resourceOf(path),
      upload: route.upload === true,
      direct: route.kind === 'answer' && route.direct === true,
    },
  };
  switch (route.kind) {
    case 'answer':
      server.route({ ...common, exposeHeadRoute: method === 'GET', handler: answerHandler(route, api) });
      return;
    case 'stream':
      server.route({ ...common, handler: streamHandler(route, api, logger) });
      return;
    case 'progress':
      server.route({ ...common, handler: progressHandler(route, api, logger) });
      return;
    case 'download':
      server.route({ ...common, handler: downloadHandler(route, api, logger) });
      return;
    case 'socket':
      registerSocketRoute(server, common, route, api);
  }
}

const RESOURCES: readonly (readonly [path: string, resource: Resource])[] = [
  ['/v1/containers/:id', 'container'],
  ['/v1/networks/:id', 'network'],
  ['/v1/images/:id', 'image'],
  ['/v1/volumes/:id', 'volume'],
];

export function resourceOf(path: string): Resource | undefined {
  return RESOURCES.find(([beginning]) => path === beginning || path.startsWith(`${beginning}/`))?.[1];
}

function parametersOf(path: string): TObject {
  return resourceOf(path) === 'image' ? IMAGE_PARAMETERS : PATH_PARAMETERS;
}

function answerHandler(route: AnswerRoute, api: Api) {
  const isJson = route.contentType === undefined;
  const contentType = route.contentType ?? 'application/json; charset=utf-8';
  const serialize = route.serialize ?? JSON.stringify;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const value: unknown = await withCall(request, reply, (call) => route.answer(api, call));
    if (request.routeOptions.config.upload === true && !waitsForWord(request.raw)) await drained(request);
    reply.code(route.status);
    if (route.status === 204 || route.method === 'HEAD') return reply.send();
    if (route.status === 201) noteId(request, (value as { id: string }).id);
    return reply.header('content-type', contentType).send(isJson ? serialize(value) : value);
  };
}

function streamHandler(route: StreamRoute, api: Api, logger: Logger) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const call = callOf(request, reply);
    const items = await route.open(api, call);
    const { text } = route;
    const format = chooseFormat(request.headers.accept, {
      id: route.id,
      text: text === undefined ? undefined : (item) => text(item, call.query),
    });
    reply.hijack();
    try {
      await sendStream(reply.raw, items, format, call.signal);
    } catch (error) {
      noteProblem(request, toProblem(error).code);
      logger.warn({ err: error, url: request.url }, 'stream broke off');
    }
  };
}

function progressHandler(route: ProgressRoute, api: Api, logger: Logger) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { accept } = request.headers;
    const run = (report: Report, tell: Tell): Promise<unknown> =>
      withCall(request, reply, (call) => route.run(api, call, report, tell));
    if (!wantsProgress(accept)) {
      const result = JSON.stringify(
        await run(
          () => undefined,
          () => undefined,
        ),
      );
      if (route.upload === true) await drained(request);
      return reply.header('content-type', 'application/json; charset=utf-8').send(result);
    }
    reply.hijack();
    const stream = new ProgressStream(reply.raw, accept);
    try {
      const result = await run(
        (progress) => {
          stream.report(progress);
        },
        (progress) => stream.tell(progress),
      );
      stream.finish({ result });
    } catch (error) {
      if (!reply.raw.destroyed) stream.finish({ problem: noted(error, request, logger) });
    }
    if (route.upload === true) await drained(request);
    reply.raw.end();
    return undefined;
  };
}

/** The problem of a request whose answer has begun. */
function noted(error: unknown, request: FastifyRequest, logger: Logger): Problem {
  const problem = toProblem(error);
  noteProblem(request, problem.code);
  if (isFault(error)) logger.error({ err: error, method: request.method, url: request.url }, 'request failed');
  return problem;
}

function downloadHandler(route: DownloadRoute, api: Api, logger: Logger) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const call = callOf(request, reply);
    const { headers, stream, writeTo } = await route.open(api, call);
    reply.hijack();
    const { signal } = call;
    try {
      reply.raw.writeHead(200, { ...headers, 'content-type': route.contentType, 'cache-control': 'no-store' });
      const socket = writeTo === undefined ? undefined : await plainSocket(reply.raw);
      if (socket === undefined) await pipeline(stream, reply.raw);
      else {
        await writeTo?.(socket);
        reply.raw.end();
      }
    } catch (error) {
      reply.raw.destroy();
      if (signal.aborted) return;
      noteProblem(request, toProblem(error).code);
      logger.warn({ err: error, url: request.url }, 'stream broke off');
    }
  };
}

/** The rest of an upload that nobody wants is taken, within bounds, so that its sender gets to read the answer. */
function drained(request: FastifyRequest): Promise<void> {
  return new Promise((resolve) => {
    drain(request.raw, resolve);
  });
}

/** However the work ends, the upload is done with. */
async function withCall<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (call: AnyCall) => T | Promise<T>,
): Promise<T> {
  const call = callOf(request, reply);
  const { direct } = call;
  try {
    const value = await work(call);
    direct?.done();
    return value;
  } catch (error) {
    throw direct === undefined ? error : direct.failed(error);
  } finally {
    if (request.routeOptions.config.upload === true && direct === undefined) call.upload.destroy();
  }
}

function registerSocketRoute(
  server: FastifyInstance,
  common: Omit<RouteOptions, 'handler'>,
  route: SocketRoute,
  api: Api,
): void {
  server.route({
    ...common,
    preHandler: (request, reply) => attachBeforeUpgrade(request, () => route.connect(api, callOf(request, reply))),
    // Never reached: gate.ts refuses what is no upgrade.
    handler: (_request, reply) => reply.code(426).send(),
    wsHandler: (webSocket, request) => {
      noteUpgrade(request);
      serveWebSocket(webSocket, request);
    },
  });
}

type AnyCall = Call<Record<string, unknown>, Record<string, unknown>> & { readonly direct: DirectRequest | undefined };

function callOf(request: FastifyRequest, reply: FastifyReply): AnyCall {
  let controller: AbortController | undefined;
  let upload: Upload | undefined;
  return {
    id: (request.params as { id?: string }).id ?? '',
    query: request.query as Record<string, unknown>,
    body: request.body as Record<string, unknown>,
    direct: waitsForWord(request.raw) ? new DirectRequest(request.raw, reply.raw) : undefined,
    get upload() {
      return (upload ??= new Upload(request.raw));
    },
    request,
    reply,
    get signal() {
      controller ??= abortedBy(reply);
      return controller.signal;
    },
  };
}

function abortedBy(reply: FastifyReply): AbortController {
  const controller = new AbortController();
  const { raw } = reply;
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort(new ClientGone());
  });
  if (raw.destroyed) controller.abort(new ClientGone());
  return controller;
}
