/** What a registry refuses, told by what was asked for and not by the request that met it. */
import { ImageError } from '../../images/errors.ts';
import { familiarName, type Reference } from '../../images/reference.ts';
import type { RegistryClient } from '../../images/registry/client.ts';
import { EngineError } from '../errors.ts';

/** Tags that are named in a message. */
const TAGS_SHOWN = 8;

/** `what` was to be pulled or pushed. Anything but a refusal for want of credentials is given back as it is. */
export function unauthorized(error: unknown, what: string, registry: string, hasCredentials: boolean): unknown {
  if (!(error instanceof ImageError) || error.code !== 'unauthorized') return error;
  const problem = hasCredentials
    ? 'does not take the credentials, or has nothing of this name for them'
    : 'wants credentials, or has nothing of this name';
  return new EngineError('registry_unauthorized', `${what}: ${registry} ${problem}`, {
    cause: error,
    hint: `log in with "tare login ${registry}", or send credentials in the header X-Registry-Auth`,
  });
}

/** Says of a tag that is not there whether its repository is. `error`: why; anything else is given back as it is. */
export async function absent(
  error: unknown,
  client: RegistryClient,
  reference: Reference,
  signal: AbortSignal,
): Promise<unknown> {
  const { tag, registry } = reference;
  if (!(error instanceof ImageError) || error.code !== 'image_not_found' || tag === undefined) return error;
  const name = familiarName(reference);
  const where = name.startsWith(registry) ? '' : ` at ${registry}`;
  try {
    const tags = await client.listTags(reference, { signal });
    const shown = tags.slice(-TAGS_SHOWN).join(', ');
    const more = tags.length > TAGS_SHOWN ? `among its ${String(tags.length)} tags are` : 'it has';
    const there = tags.length === 0 ? 'it has none' : `${more} ${shown}`;
    return new ImageError('image_not_found', `${name} has no tag "${tag}"${where}; ${there}`, { cause: error });
  } catch (reason) {
    if (!(reason instanceof ImageError) || reason.code !== 'image_not_found') return error;
    return new ImageError('image_not_found', `${registry} has no repository ${reference.path}`, { cause: error });
  }
}
