/** A client of one registry, for one piece of work and who asks for it. */
import type { RegistryAuth } from '../../api/engine.ts';
import { ImageError } from '../../images/errors.ts';
import { parseCredential, type Credential } from '../../images/registry/credentials.ts';
import type { RegistryClient } from '../../images/registry/client.ts';
import { EngineError } from '../errors.ts';
import type { MovingContext } from './context.ts';

/** `auth` is for `registry` alone: mirrors are asked as anybody. Throws `invalid_field` where it cannot be read. */
export async function openClient(
  { images, log }: Pick<MovingContext, 'images' | 'log'>,
  registry: string,
  auth: RegistryAuth,
): Promise<RegistryClient> {
  const credential = auth === undefined ? undefined : readCredential(auth);
  // undici takes time to load, and is for those who speak to registries
  const { RegistryClient } = await import('../../images/registry/client.ts');
  const { limits, pace } = images;
  return new RegistryClient({
    transport: await images.transport(),
    ...(limits === undefined ? {} : { limits }),
    ...(pace === undefined ? {} : { pace }),
    credentials: (name) => (name === registry ? credential : undefined),
    onMirrorFailure: (mirror, error) => {
      log.warn({ mirror, registry, err: error }, 'a mirror was passed over');
    },
  });
}

function readCredential(auth: string): Credential | undefined {
  try {
    return parseCredential(auth);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw new EngineError('invalid_field', error.message, { cause: error, field: 'X-Registry-Auth' });
  }
}
