import type { LoginRequest, LoginResponse } from '../../../shared/api/image.ts';
import type { RegistryAuth } from '../../api/engine.ts';
import { ImageError } from '../../images/errors.ts';
import { parseRegistry } from '../../images/reference.ts';
import { openClient } from './client.ts';
import type { MovingContext } from './context.ts';
import { EngineError } from '../errors.ts';
import { imageError } from './image-error.ts';

/** Whether the registry takes the credentials. Nothing of them is kept. */
export async function login(
  context: MovingContext,
  request: LoginRequest,
  auth: RegistryAuth,
  signal: AbortSignal,
): Promise<LoginResponse> {
  try {
    return await context.images.work.run(signal, async (either) => {
      const registry = registryOf(request);
      const client = await openClient(context, registry, auth);
      return await client.login(registry, { signal: either }).catch((error: unknown) => {
        throw refused(error, registry, auth);
      });
    });
  } catch (error) {
    throw imageError(error);
  }
}

function registryOf({ registry }: LoginRequest): string {
  try {
    return parseRegistry(registry);
  } catch (error) {
    throw imageError(error, 'registry');
  }
}

function refused(error: unknown, registry: string, auth: RegistryAuth): unknown {
  if (!(error instanceof ImageError) || error.code !== 'unauthorized') return error;
  const problem = auth === undefined ? 'wants credentials' : 'does not take these credentials';
  return new EngineError('registry_unauthorized', `${registry} ${problem}`, { cause: error });
}
