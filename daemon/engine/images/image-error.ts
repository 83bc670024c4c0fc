/** What goes wrong with images (daemon/images/errors.ts) in the words of the engine's one registry of errors. */
import { ImageError, type ImageErrorCode } from '../../images/errors.ts';
import { RegistryError } from '../../registry/error.ts';
import { EngineError, type ErrorCode } from '../errors.ts';

/** Codes that have another name at the edge: there they stand beside those of containers and of HTTP. */
const RENAMED: Readonly<Partial<Record<ImageErrorCode, ErrorCode>>> = {
  unsupported_media_type: 'image_unsupported',
  too_large: 'image_too_large',
  unauthorized: 'registry_unauthorized',
  access_denied: 'registry_access_denied',
  rate_limited: 'registry_rate_limited',
};

const HINTS: Readonly<Partial<Record<ImageErrorCode, string>>> = {
  unauthorized: 'log in with "tare login", or send credentials in the header X-Registry-Auth',
  store_damaged: 'see "tare system check"',
};

/** Anything but an ImageError, and a registry that finds no room, is given back as it is. */
export function imageError(error: unknown, field?: string): unknown {
  if (error instanceof RegistryError && error.kind === 'full') {
    return new EngineError('disk_full', error.message, { cause: error });
  }
  if (!(error instanceof ImageError)) return error;
  const { code } = error;
  const hint = HINTS[code];
  return new EngineError(RENAMED[code] ?? (code as ErrorCode), error.message, {
    cause: error,
    ...(field === undefined ? {} : { field }),
    ...(hint === undefined ? {} : { hint }),
  });
}
