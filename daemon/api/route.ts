/**
 * What a route is: one file a verb declares one. The table of them (routes.ts) is registered with fastify by
 * server.ts, and described by openapi.ts and documentation.ts, so what is documented is what is validated.
 */
import type { Readable } from 'node:stream';
import type { TObject, TSchema, Static } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../engine/errors.ts';
import type { Attachment, DirectUpload, Download, Engine, Report, Tell } from './engine.ts';
import type { RequestRecorder } from './recorder.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
export type Tag = 'containers' | 'execs' | 'images' | 'volumes' | 'networks' | 'system';

/** What handlers work with. */
export interface Api {
  readonly engine: Engine;
  readonly recorder: RequestRecorder;
  /** OpenAPI 3.1 of the whole table. */
  readonly openApi: () => unknown;
  readonly docsPage: () => string;
}

/** One request, validated. */
export interface Call<Query, Body> {
  /** The path's `:id`; "" where it has none. */
  readonly id: string;
  readonly query: Query;
  readonly body: Body;
  /** The body of a route with `upload`, from its first byte; it fails when the client goes, or is silent for long. */
  readonly upload: Readable;
  /** In place of `upload`, on a route with `direct`, where the client waits until its body is wanted. */
  readonly direct: DirectUpload | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborted when the client goes. */
  readonly signal: AbortSignal;
}

interface Described<Q extends TObject, B extends TObject> {
  readonly method: Method;
  /** In fastify's form: `/v1/containers/:id`. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly query?: Q;
  readonly body?: B;
  /** False: a request without a body counts as `{}`. */
  readonly bodyRequired?: boolean;
  /** The body is not JSON but a stream of bytes, `call.upload`: of any length, and for as long as it flows. */
  readonly upload?: boolean;
  /** Takes the header X-Registry-Auth. */
  readonly registryAuth?: boolean;
  readonly errors: readonly ErrorCode[];
  /** Has a line in the audit log. Default: all but GET and HEAD. */
  readonly audited?: boolean;
}

/** Answers once. */
export interface AnswerRoute<Q extends TObject = TObject, B extends TObject = TObject> extends Described<Q, B> {
  readonly kind: 'answer';
  readonly status: 200 | 201 | 204;
  /** Absent: nothing (204) or a document described by `contentType`. */
  readonly schema?: TSchema;
  /** Default: application/json. Anything else is sent as the text that `answer` returns. */
  readonly contentType?: string;
  /** For values that JSON.stringify cannot write. */
  readonly serialize?: (value: unknown) => string;
  /** With `upload`: the body may be read from the connection itself. */
  readonly direct?: boolean;
  answer(api: Api, call: Call<Static<Q>, Static<B>>): unknown;
}

/** Answers with a stream of items: NDJSON, SSE and, where `text` is given, plain text. */
export interface StreamRoute<Q extends TObject = TObject, Item = unknown> extends Described<Q, TObject> {
  readonly kind: 'stream';
  readonly item: TSchema;
  open(api: Api, call: Call<Static<Q>, unknown>): Promise<AsyncIterable<Item>> | AsyncIterable<Item>;
  /** SSE: the event's id. */
  readonly id?: (item: Item) => string;
  readonly text?: (item: Item, query: Static<Q>) => string;
}

/**
 * Answers when its work is done. A client that accepts NDJSON or SSE is told meanwhile how it goes on (`Progress` of
 * shared/api/image.ts); then the answer is 200 from the beginning, and its last item says how it ended.
 */
export interface ProgressRoute<Q extends TObject = TObject, B extends TObject = TObject> extends Described<Q, B> {
  readonly kind: 'progress';
  readonly result: TSchema;
  run(api: Api, call: Call<Static<Q>, Static<B>>, report: Report, tell: Tell): Promise<unknown>;
}

/** Answers with a stream of bytes. Where it fails half-way the connection is cut: nobody takes half for the whole. */
export interface DownloadRoute<Q extends TObject = TObject, B extends TObject = TObject> extends Described<Q, B> {
  readonly kind: 'download';
  readonly contentType: string;
  open(api: Api, call: Call<Static<Q>, Static<B>>): Promise<Download>;
}

/** A WebSocket to the streams of a process. */
export interface SocketRoute<Q extends TObject = TObject> extends Described<Q, TObject> {
  readonly kind: 'socket';
  /** Before the 101, so that a refusal is an ordinary answer. */
  connect(api: Api, call: Call<Static<Q>, unknown>): Promise<Attachment>;
}

export type Route = AnswerRoute | StreamRoute | ProgressRoute | DownloadRoute | SocketRoute;

// The table holds routes of many query and body types; each handler only ever meets what its own schemas let through.

export function answerRoute<Q extends TObject = TObject, B extends TObject = TObject>(
  route: Omit<AnswerRoute<Q, B>, 'kind'>,
): AnswerRoute {
  return { ...route, kind: 'answer' } as unknown as AnswerRoute;
}

export function streamRoute<Q extends TObject, Item>(route: Omit<StreamRoute<Q, Item>, 'kind'>): StreamRoute {
  return { ...route, kind: 'stream' } as unknown as StreamRoute;
}

export function progressRoute<Q extends TObject = TObject, B extends TObject = TObject>(
  route: Omit<ProgressRoute<Q, B>, 'kind'>,
): ProgressRoute {
  return { ...route, kind: 'progress' } as unknown as ProgressRoute;
}

export function downloadRoute<Q extends TObject = TObject, B extends TObject = TObject>(
  route: Omit<DownloadRoute<Q, B>, 'kind'>,
): DownloadRoute {
  return { ...route, kind: 'download' } as unknown as DownloadRoute;
}

export function socketRoute<Q extends TObject = TObject>(route: Omit<SocketRoute<Q>, 'kind'>): SocketRoute {
  return { ...route, kind: 'socket' } as unknown as SocketRoute;
}

export function isAudited(route: Route): boolean {
  return route.audited ?? (route.kind === 'socket' || !(route.method === 'GET' || route.method === 'HEAD'));
}
