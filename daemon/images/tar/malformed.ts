import { ImageError } from '../errors.ts';

/** The error for bytes that are no tar archive. */
export function malformed(what: string): ImageError {
  return new ImageError('layer_invalid', `the layer is not a sound tar archive: ${what}`);
}
