/** The header X-Registry-Auth. Nothing of it is in any answer or log. */
import type { RegistryAuth } from '../../api/engine.ts';
import type { DockerCall } from '../route.ts';

/**
 * Undefined where it says nothing. What cannot be read counts as nothing too: clients without a login send "null" or the
 * like, and dockerd goes on as anybody.
 */
export function registryAuthOf({ request }: DockerCall): RegistryAuth {
  const header = request.headers['x-registry-auth'];
  if (typeof header !== 'string' || header.length > 64 * 1024) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64').toString());
    return typeof value === 'object' && value !== null ? header : undefined;
  } catch {
    // ignoring what is no JSON
    return undefined;
  }
}
