import type { FastifyRequest } from 'fastify';
import { EngineError } from '../../engine/errors.ts';

/** The header X-Registry-Config, which is read by the engine and written nowhere. Throws `invalid_field` where it is there twice. */
export function registryConfigOf({ headers }: FastifyRequest): string | undefined {
  const value = headers['x-registry-config'];
  if (Array.isArray(value)) {
    throw new EngineError('invalid_field', 'X-Registry-Config is given more than once', { field: 'X-Registry-Config' });
  }
  return value;
}
