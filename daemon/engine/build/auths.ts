/** Who asks for base images: credentials by the names of registries, the header X-Registry-Config of the Docker Engine API. */
import { EngineError } from '../errors.ts';
import type { RegistryAuth } from '../../api/engine.ts';

/** What pullImage() takes for a registry ("docker.io"); undefined: ask as anybody. */
export type RegistryAuths = (registry: string) => RegistryAuth;

const LENGTH_MAX = 256 * 1024;

/**
 * `header`: base64 (or base64url) of JSON {"https://index.docker.io/v1/": {username, password}, …}. Throws `invalid_field`;
 * nothing of it is in the message.
 */
export function parseAuths(header: string | undefined): RegistryAuths {
  if (header === undefined || header === '') return () => undefined;
  const entries = Object.entries(readHeader(header)).map(([key, value]: [string, unknown]) => [registryOf(key), value] as const);
  const byRegistry = new Map(entries);
  return (registry) => {
    const entry = byRegistry.get(registry);
    return entry === undefined ? undefined : Buffer.from(JSON.stringify(entry)).toString('base64url');
  };
}

function readHeader(header: string): object {
  try {
    if (header.length > LENGTH_MAX) throw new RangeError('too long');
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    throw new TypeError('no object');
  } catch {
    // what it says is nobody's to read
    throw new EngineError('invalid_field', 'X-Registry-Config: is not base64 of a JSON object', {
      field: 'X-Registry-Config',
    });
  }
}

/** Keys are names, or URLs as config.json has them. */
function registryOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '').toLowerCase();
  return ['index.docker.io', 'registry-1.docker.io', 'docker.io'].includes(host) ? 'docker.io' : host;
}
