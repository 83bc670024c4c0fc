/** What goes wrong with the files of a container. Codes are those of the engine (daemon/engine/errors.ts). */
import { shown } from '../errors.ts';

export const FILE_ERROR_CODES = [
  'path_not_found',
  'not_a_directory',
  'path_is_busy',
  'path_read_only',
  'invalid_field',
  'unsupported',
  'archive_invalid',
  'container_not_running',
  'disk_full',
  'kernel_refused',
] as const;
export type FileErrorCode = (typeof FILE_ERROR_CODES)[number];

/** `message` is lower case and names the path. */
export class FileError extends Error {
  override name = 'FileError';
  readonly code: FileErrorCode;

  constructor(code: FileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A path of bytes, one character each, for a message. */
export function readablePath(path: string): string {
  return shown(Buffer.from(path, 'latin1').toString());
}
