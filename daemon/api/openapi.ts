/** The table of routes as an OpenAPI 3.1 document. TypeBox schemas are JSON Schema as they stand. */
import type { TObject, TSchema } from '@sinclair/typebox';
import * as attach from '../../shared/api/attach.ts';
import { NAME_PATTERN } from '../../shared/api/common.ts';
import * as containers from '../../shared/api/container.ts';
import * as events from '../../shared/api/event.ts';
import * as execs from '../../shared/api/exec.ts';
import * as files from '../../shared/api/files.ts';
import * as images from '../../shared/api/image.ts';
import * as networks from '../../shared/api/network.ts';
import { Problem } from '../../shared/api/problem.ts';
import * as storage from '../../shared/api/storage.ts';
import * as system from '../../shared/api/system.ts';
import * as volumes from '../../shared/api/volume.ts';
import { STREAM_PROTOCOL } from '../../shared/streams.ts';
import { PROBLEM_TYPE, statusOf, type ProblemCode } from './problem.ts';
import { resourceOf } from './register.ts';
import type { Route } from './route.ts';
import { UPLOAD_TYPES } from './upload.ts';

/** What any route may answer beside its own errors, by what it takes. */
export function codesOf(route: Route): ProblemCode[] {
  const hasInput = route.path.includes(':id') || route.query !== undefined || route.body !== undefined;
  return [
    ...route.errors,
    ...(hasInput ? (['invalid_field'] as const) : []),
    'unknown_property',
    ...(route.body === undefined ? [] : (['invalid_json', 'body_too_large', 'unsupported_media_type'] as const)),
    ...(route.upload === true ? (['unsupported_media_type', 'request_timeout'] as const) : []),
    ...(route.kind === 'socket' ? (['invalid_request', 'upgrade_required'] as const) : []),
    'origin_not_allowed',
    'internal',
  ];
}

/** Schemas that have a name of their own, under `components`. */
const NAMED: readonly (readonly [name: string, schema: TSchema])[] = [
  ...[containers, execs, images, volumes, networks, files, storage, events, system, attach].flatMap((module) =>
    Object.entries(module).filter(isNamedSchema),
  ),
  ['Problem', Problem],
];

function isNamedSchema(entry: [string, unknown]): entry is [string, TSchema] {
  const [name, value] = entry;
  const isSchema = typeof value === 'object' && value !== null && ('type' in value || 'allOf' in value);
  return isSchema && !name.endsWith('Query') && 'properties' in value === ('type' in value && value.type === 'object');
}

export function openApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const names = new Map<unknown, string>(NAMED.map(([name, schema]) => [schema, name]));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = (paths[templateOf(route.path)] ??= {});
    path[route.method.toLowerCase()] = operation(route, names);
  }
  const schemas = NAMED.map(([name, schema]) => [name, withReferences(schema, names, schema)] as const);
  return {
    openapi: '3.1.0',
    info: {
      title: 'tare',
      version,
      summary: 'A container engine for one Linux host',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://tare', description: 'the unix socket; the host name is not looked at' }],
    paths,
    components: { schemas: Object.fromEntries(schemas) },
  };
}

/** `/v1/containers/:id` → `/v1/containers/{id}`. */
export function templateOf(path: string): string {
  return path.replace(/:([a-z]+)/g, '{$1}');
}

type Names = ReadonlyMap<unknown, string>;

function operation(route: Route, names: Names): Record<string, unknown> {
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    parameters: [...pathParameters(route), ...queryParameters(route.query, names), ...headerParameters(route)],
    ...requestBody(route, names),
    responses: { ...success(route, names), ...failures(route) },
  };
}

function operationId({ method, path }: Route): string {
  const words = path
    .replace('/v1', '')
    .replace(/:[a-z]+/, 'one')
    .split(/[/.]/)
    .filter((word) => word !== '');
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
}

function requestBody(route: Route, names: Names): object {
  if (route.upload === true) {
    const content = Object.fromEntries(UPLOAD_TYPES.map((type) => [type, { schema: BYTES }]));
    return { requestBody: { required: true, content } };
  }
  if (route.body === undefined) return {};
  const content = { 'application/json': { schema: withReferences(route.body, names) } };
  return { requestBody: { required: route.bodyRequired ?? false, content } };
}

/** Bytes as they are, which JSON Schema has no word for: OpenAPI 3.1, "Considerations for File Uploads". */
const BYTES = {};

function headerParameters({ registryAuth }: Route): object[] {
  if (registryAuth !== true) return [];
  const description =
    'base64url of {"username", "password"}, {"identitytoken"} or {"registrytoken"}: who asks the registry';
  return [{ name: 'X-Registry-Auth', in: 'header', required: false, description, schema: { type: 'string' } }];
}

function pathParameters({ path }: Route): object[] {
  if (!path.includes(':id')) return [];
  if (resourceOf(path) === 'image') {
    const { description, ...schema } = images.ImageRef;
    return [{ name: 'id', in: 'path', required: true, description, schema }];
  }
  const schema = { type: 'string', pattern: NAME_PATTERN };
  const isExec = path.startsWith('/v1/execs');
  const description = isExec ? 'the id of an exec' : 'an id, the beginning of one, or a name';
  return [{ name: 'id', in: 'path', required: true, description, schema }];
}

function queryParameters(query: TObject | undefined, names: Names): object[] {
  return Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query?.required?.includes(name) ?? false,
    ...(schema.description === undefined ? {} : { description: schema.description }),
    schema: withReferences(schema, names),
  }));
}

function success(route: Route, names: Names): Record<string, unknown> {
  switch (route.kind) {
    case 'socket':
      return { 101: { description: `WebSocket, subprotocol ${STREAM_PROTOCOL}; docs/api.md describes the frames` } };
    case 'stream': {
      const schema = withReferences(route.item, names);
      return {
        200: {
          description: 'a stream',
          content: {
            'application/x-ndjson': { schema },
            'text/event-stream': { schema },
            ...(route.text === undefined ? {} : { 'text/plain': { schema: { type: 'string' } } }),
          },
        },
      };
    }
    case 'progress': {
      const schema = withReferences(images.Progress, names);
      return {
        200: {
          description: 'the answer, or how it goes on, and the answer as `result` of the last item',
          content: {
            'application/json': { schema: withReferences(route.result, names) },
            'application/x-ndjson': { schema },
            'text/event-stream': { schema },
          },
        },
      };
    }
    case 'download':
      return { 200: { description: 'a stream of bytes', content: { [route.contentType]: { schema: BYTES } } } };
    case 'answer': {
      if (route.method === 'HEAD') return { 200: { description: 'the header alone' } };
      if (route.status === 204) return { 204: { description: 'done' } };
      const [type = ''] = (route.contentType ?? 'application/json').split(';');
      const schema = route.schema === undefined ? { type: 'string' } : withReferences(route.schema, names);
      return {
        [route.status]: {
          description: route.status === 201 ? 'created' : 'the answer',
          content: { [type]: { schema } },
        },
      };
    }
  }
}

function failures(route: Route): Record<string, unknown> {
  const byStatus = new Map<number, Set<ProblemCode>>();
  for (const code of codesOf(route)) {
    const status = statusOf(code);
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  const content = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, { description: [...codes].join(', '), content }]),
  );
}

/** A plain copy in which named schemas are references; `self` is the one being defined. */
function withReferences(schema: unknown, names: Names, self?: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((item) => withReferences(item, names));
  if (typeof schema !== 'object' || schema === null) return schema;
  const name = schema === self ? undefined : names.get(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withReferences(value, names)]));
}
