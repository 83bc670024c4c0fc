/** One entry of the table as a route of fastify. */
import { Type } from '@sinclair/typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { NAME_PATTERN, closed } from '../../shared/api/common.ts';
import { noteId, noteProblem, noteUpgrade } from './follow.ts';
import { ClientGone, toProblem } from './problem.ts';
import {
  isAudited,
  type AnswerRoute,
  type Api,
  type Call,
  type Route,
  type SocketRoute,
  type StreamRoute,
} from './route.ts';
import { chooseFormat, sendStream } from './stream.ts';
import { attachBeforeUpgrade, serveWebSocket } from './websocket.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route speaks WebSocket. */
    socket?: boolean;
    /** It has a line in the audit log. */
    audited?: boolean;
    /** What its `:id` names, if it is one of these. */
    resource?: 'container' | 'network' | undefined;
  }
}

const NOTHING = closed({});
const PATH_PARAMETERS = closed({
  id: Type.String({
    pattern: NAME_PATTERN,
    description: 'an id or name: letters, digits, "_", "." and "-", at most 128',
  }),
});

type Logger = Pick<FastifyBaseLogger, 'warn'>;

export function registerRoute(server: FastifyInstance, route: Route, api: Api, logger: Logger): void {
  const { method, path } = route;
  const common: Omit<RouteOptions, 'handler'> = {
    method,
    url: path,
    schema: {
      querystring: route.query ?? NOTHING,
      ...(method === 'GET' ? {} : { body: route.body ?? NOTHING }),
      ...(path.includes(':id') ? { params: PATH_PARAMETERS } : {}),
    },
    config: {
      socket: route.kind === 'socket',
      audited: isAudited(route),
      resource: resourceOf(path),
    },
  };
  if (route.kind === 'answer')
    server.route({ ...common, exposeHeadRoute: method === 'GET', handler: answerHandler(route, api) });
  else if (route.kind === 'stream') server.route({ ...common, handler: streamHandler(route, api, logger) });
  else registerSocketRoute(server, common, route, api);
}

function resourceOf(path: string): 'container' | 'network' | undefined {
  if (path.startsWith('/v1/containers/:id')) return 'container';
  return path.startsWith('/v1/networks/:id') ? 'network' : undefined;
}

function answerHandler(route: AnswerRoute, api: Api) {
  const isJson = route.contentType === undefined;
  const contentType = route.contentType ?? 'application/json; charset=utf-8';
  const serialize = route.serialize ?? JSON.stringify;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const value: unknown = await route.answer(api, callOf(request, reply));
    reply.code(route.status);
    if (route.status === 204) return reply.send();
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

function callOf(request: FastifyRequest, reply: FastifyReply): Call<Record<string, unknown>, Record<string, unknown>> {
  let controller: AbortController | undefined;
  return {
    id: (request.params as { id?: string }).id ?? '',
    query: request.query as Record<string, unknown>,
    body: request.body as Record<string, unknown>,
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
