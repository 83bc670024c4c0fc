import type { FastifyRequest } from 'fastify';
import { EngineError } from '../../engine/errors.ts';
import type { RegistryAuth } from '../engine.ts';

/** The header X-Registry-Auth, which is read by the engine and written nowhere. Throws `invalid_field` where it is there twice. */
export function registryAuthOf({ headers }: FastifyRequest): RegistryAuth {
  const value = headers['x-registry-auth'];
  if (Array.isArray(value)) {
    throw new EngineError('invalid_field', 'X-Registry-Auth is given more than once', { field: 'X-Registry-Auth' });
  }
  return value;
}

/** What goes wrong between a registry and the daemon. */
export const REGISTRY_ERRORS = [
  'invalid_reference',
  'registry_unauthorized',
  'registry_access_denied',
  'registry_rate_limited',
  'registry_unreachable',
  'registry_failed',
  'registry_invalid',
  'redirect_refused',
] as const;
