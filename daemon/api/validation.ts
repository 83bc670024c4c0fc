/**
 * Input against its schema, by TypeBox' compiler (Ajv is never loaded: it would cost 80 ms of start-up). A schema is
 * compiled when it is first used. The first thing wrong is told, by field and in words.
 */
import { KindGuard, type TObject, type TSchema } from '@sinclair/typebox';
import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler';
import { ValueErrorType, type ValueError } from '@sinclair/typebox/errors';
import { EngineError } from '../engine/errors.ts';
import { expectation } from './expectation.ts';
import { readQuery, type RawQuery } from './query.ts';

type Validate = (value: unknown) => void;

/**
 * Fastify's validatorCompiler: asked for each part of each route at start-up, so it does no work then. A query is read
 * into typed values first; a request without a body is judged as `{}`.
 */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }) {
  const validate = validator(schema as TObject);
  return (input: unknown): { value: unknown } | { error: EngineError } => {
    try {
      const value = httpPart === 'querystring' ? readQuery(schema as TObject, input as RawQuery) : (input ?? {});
      validate(value);
      return { value };
    } catch (error) {
      if (error instanceof EngineError) return { error };
      throw error;
    }
  };
}

/** @throws EngineError `invalid_field` or `unknown_property` */
export function validator(schema: TObject): Validate {
  let check: TypeCheck<TObject> | undefined;
  return (value) => {
    check ??= TypeCompiler.Compile(schema);
    if (check.Check(value)) return;
    const error = check.Errors(value).First();
    if (error === undefined) throw new Error('the schema refuses a value and does not say why');
    throw explain(error);
  };
}

function explain(found: ValueError): EngineError {
  const error = mostTelling(found);
  const field = fieldOf(error.path);
  if (error.type === ValueErrorType.ObjectAdditionalProperties) return unexpectedName(error, field);
  if (error.type === ValueErrorType.ObjectRequiredProperty) {
    return new EngineError('invalid_field', `${field} is required: ${expectation(error.schema)}`, { field });
  }
  const what = field === '' ? 'the body' : field;
  const wanted = countExceeded(error) ?? expectation(error.schema);
  // what is secret is not said again, in no answer and no log
  if (error.schema.writeOnly === true) return new EngineError('invalid_field', `${what} must be ${wanted}`, { field });
  return new EngineError('invalid_field', `${what} must be ${wanted}, not ${shown(error.value)}`, { field });
}

/** Of a union's errors those of the one alternative that has the value's type, and otherwise the union's own. */
function mostTelling(error: ValueError): ValueError {
  if (error.type !== ValueErrorType.Union) return error;
  const alternatives = (error.schema.anyOf as TSchema[]).map((schema, index) => ({
    schema,
    errors: error.errors[index],
  }));
  const fitting = alternatives.filter(({ schema }) => isObjectLike(schema) && isObject(error.value));
  const first = fitting.length === 1 ? fitting[0]?.errors?.First() : undefined;
  return first === undefined ? error : mostTelling(first);
}

function isObjectLike(schema: TSchema): boolean {
  return KindGuard.IsObject(schema) || KindGuard.IsRecord(schema);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unexpectedName(error: ValueError, field: string): EngineError {
  if (KindGuard.IsRecord(error.schema)) {
    return new EngineError('invalid_field', `${field}: this name is empty, too long or has a NUL`, { field });
  }
  const known = Object.keys((error.schema as TObject).properties);
  const hint = known.length === 0 ? 'nothing is known here' : `known here: ${known.join(', ')}`;
  return new EngineError('unknown_property', `${field} is not a known property`, { field, hint });
}

function countExceeded({ type, schema }: ValueError): string | undefined {
  return type === ValueErrorType.ArrayMaxItems ? `a list of at most ${String(schema.maxItems)}` : undefined;
}

/** `/mounts/0/target` → `mounts[0].target` (a JSON pointer, RFC 6901). */
export function fieldOf(pointer: string): string {
  let field = '';
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~').slice(0, 128);
    if (/^[0-9]+$/.test(name) && field !== '') field += `[${name}]`;
    else field += field === '' ? name : `.${name}`;
  }
  return field;
}

const SHOWN = 60;

function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${String(value)}, which is beyond 2^53`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${String(value.length)}`;
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, SHOWN + 1) : value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
