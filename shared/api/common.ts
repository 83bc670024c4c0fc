/** Schemas that the resources of the API share. One TypeBox schema both validates and documents (OpenAPI 3.1). */
import { Type, type Static, type TSchema } from '@sinclair/typebox';

export const API_BASE = '/v1';

/** Ids, names and everything that becomes part of a path. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$';

export const Name = Type.String({
  pattern: NAME_PATTERN,
  description: 'letters, digits, "_", "." and "-", starting with a letter or digit, at most 128',
});

/** An absolute path without NUL. */
export const AbsolutePath = Type.String({
  pattern: '^/[^\\u0000]*$',
  maxLength: 4095,
  description: 'an absolute path',
});

/** RFC 3339, UTC, nanoseconds. */
export const Timestamp = Type.String({ description: 'RFC 3339, UTC, with nanoseconds' });

/** Objects refuse what they do not know. */
export function closed<T extends Record<string, TSchema>>(properties: T, description?: string) {
  return Type.Object(properties, {
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  });
}

export const NoNul = Type.String({ pattern: '^[^\\u0000]*$', description: 'text without NUL' });

/** A moment in a query. */
export const Moment = Type.String({
  pattern:
    '^([0-9]{1,12}([.][0-9]{1,9})?|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))$',
  description: 'RFC 3339, or seconds since 1970 with up to nine decimals',
});

export const Nanoseconds = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'nanoseconds' });

export const Labels = Type.Record(Type.String({ pattern: '^[^\\u0000]{1,1024}$' }), NoNul, {
  additionalProperties: false,
  description: 'free text by key',
});

/** Bytes: an integer, or a number with a unit: "512MiB", "1.5g", "100k" (powers of 1024, as docker reads them). */
export const Bytes = Type.Union([
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  Type.String({
    pattern: '^[0-9]+([.][0-9]+)? ?([kKmMgGtTpP]([iI]?[bB])?|[bB])?$',
    description: 'a size such as "512MiB", "1.5g"',
  }),
]);

export type Bytes = Static<typeof Bytes>;
