/**
 * Query strings into typed values: booleans as "true", "1", "false", "0" or a bare name, whole numbers in decimal,
 * lists by repetition. What does not read as its type stays a text, and the schema then refuses it with its own words.
 */
import { parse } from 'node:querystring';
import { KindGuard, type TObject, type TSchema } from '@sinclair/typebox';
import { EngineError } from '../engine/errors.ts';

export type RawQuery = Readonly<Record<string, string | string[] | undefined>>;

const MAX_PARAMETERS = 1000;

/** Fastify's querystringParser. One more than allowed is parsed, so that readQuery sees it. */
export function parseQuery(text: string): Record<string, unknown> {
  return parse(text, '&', '=', { maxKeys: MAX_PARAMETERS + 1 });
}

export function readQuery(schema: TObject, raw: RawQuery): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  let count = 0;
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    const values = typeof value === 'string' ? [value] : value;
    if ((count += values.length) > MAX_PARAMETERS) {
      throw new EngineError('invalid_field', `more than ${String(MAX_PARAMETERS)} query parameters`);
    }
    const property = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (property === undefined) {
      const known = Object.keys(schema.properties);
      throw new EngineError('unknown_property', `${quote(name)} is not a query parameter of this path`, {
        field: name.slice(0, 128),
        hint: known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`,
      });
    }
    query[name] = readParameter(name, property, values);
  }
  return query;
}

function readParameter(name: string, schema: TSchema, values: readonly string[]): unknown {
  if (values.some((value) => value.includes('\0'))) {
    throw new EngineError('invalid_field', `${name} must be text without NUL`, { field: name });
  }
  if (KindGuard.IsArray(schema)) return values;
  const [value] = values;
  if (values.length > 1 || value === undefined) {
    throw new EngineError('invalid_field', `${name} is given more than once`, { field: name });
  }
  if (KindGuard.IsBoolean(schema)) return readBoolean(value);
  if (KindGuard.IsInteger(schema) && /^-?[0-9]{1,15}$/.test(value)) return Number(value);
  return value;
}

function readBoolean(value: string): unknown {
  if (value === 'true' || value === '1' || value === '') return true;
  return value === 'false' || value === '0' ? false : value;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
