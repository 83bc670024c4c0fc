/** dockerd's words for what goes wrong with images. */
import { DockerError, type ErrorTexts } from '../error.ts';
import type { EngineError } from '../../engine/errors.ts';
import { noSuchImage } from './names.ts';

function invalidReference(error: EngineError): DockerError {
  const why = error.message.includes('lower case') ? ': repository name must be lowercase' : '';
  return new DockerError(400, `invalid reference format${why}`);
}

export const IMAGE_TEXTS: ErrorTexts = {
  // named in the query and not in the path: the engine says which it is
  image_not_found: (error, named) => (named === '' ? new DockerError(404, error.message) : noSuchImage(named)),
  invalid_reference: invalidReference,
  ambiguous_reference: (_error, named) =>
    new DockerError(500, `multiple IDs found with provided prefix: ${named.slice(0, 128)}`),
};

/** Between a registry and the daemon. `named`: the image. */
export function pullTexts(reference: string): ErrorTexts {
  return {
    ...REGISTRY_TEXTS,
    image_not_found: () =>
      new DockerError(404, `manifest for ${reference} not found: manifest unknown: manifest unknown`),
  };
}

export const REGISTRY_TEXTS: ErrorTexts = {
  invalid_reference: invalidReference,
  registry_unauthorized: (error) => new DockerError(500, `unauthorized: ${error.message}`),
  registry_access_denied: (error) => new DockerError(404, `pull access denied: ${error.message}`),
  registry_rate_limited: (error) => new DockerError(500, `toomanyrequests: ${error.message}`),
  image_not_found: (error) => new DockerError(404, error.message),
  no_such_platform: (error) => new DockerError(404, `no matching manifest: ${error.message}`),
};
