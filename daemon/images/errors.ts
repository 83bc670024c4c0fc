/** What may go wrong with an image, wherever it comes from or goes to. Codes are stable; the edge maps them to HTTP. */

/**
 * | code | meaning |
 * |---|---|
 * | invalid_reference | the text is not the name of an image, or not a digest |
 * | image_not_found | the registry, archive or store has no such repository, tag or manifest |
 * | blob_not_found | a manifest names a blob that is not there |
 * | manifest_invalid | a manifest, index or image configuration is not what the specifications allow |
 * | unsupported_media_type | it is well-formed, and of a kind that cannot be run or unpacked |
 * | media_type_mismatch | two sources tell different media types for the same content |
 * | digest_mismatch | the content is not what its digest says |
 * | size_mismatch | there is less or more of the content than its descriptor says |
 * | too_large | the content is beyond a bound of ours |
 * | no_such_platform | an index has no image for the platform |
 * | layer_invalid | a layer is not a sound tar archive, or holds what must not be unpacked |
 * | archive_invalid | a file that is to be loaded is no image archive |
 * | unauthorized | the registry wants other credentials, or some |
 * | access_denied | the registry knows who asks, and does not allow it |
 * | rate_limited | the registry asks to come back later than we are ready to wait |
 * | registry_unreachable | no connection, no name, a certificate that is not trusted, or it went silent |
 * | registry_failed | it answered with an error of its own (5xx), again and again |
 * | registry_invalid | its answer is not one of the distribution specification |
 * | redirect_refused | too many redirects, or one to where we do not go |
 * | store_damaged | what lies in the store is not what was put there |
 * | disk_full | no space is left for it |
 */
export const IMAGE_ERROR_CODES = [
  'invalid_reference',
  'image_not_found',
  'blob_not_found',
  'manifest_invalid',
  'unsupported_media_type',
  'media_type_mismatch',
  'digest_mismatch',
  'size_mismatch',
  'too_large',
  'no_such_platform',
  'layer_invalid',
  'archive_invalid',
  'unauthorized',
  'access_denied',
  'rate_limited',
  'registry_unreachable',
  'registry_failed',
  'registry_invalid',
  'redirect_refused',
  'store_damaged',
  'disk_full',
] as const;

export type ImageErrorCode = (typeof IMAGE_ERROR_CODES)[number];

/** `message` is lower case and names the image, digest or registry. */
export class ImageError extends Error {
  override name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const SHOWN_LENGTH = 200;

/** Text of others inside a message of ours: on one line, nothing that a terminal would obey, and not endless. */
export function shown(text: string): string {
  const plain = text.toWellFormed().replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return plain.length <= SHOWN_LENGTH ? plain : `${plain.slice(0, SHOWN_LENGTH)}…`;
}
