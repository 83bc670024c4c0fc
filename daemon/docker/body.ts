/** Bodies as dockerd takes them: JSON objects, of any field; nothing counts as an empty one. */
import { MAX_BODY } from '../api/body.ts';
import { JsonError, parseJson } from '../../shared/json.ts';
import { DockerError } from './error.ts';
import type { JsonObject } from './route.ts';

export { MAX_BODY };

/** Throws DockerError 400. Integers beyond 2^53 come as bigint. */
export function parseDockerBody(bytes: Buffer): JsonObject {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof JsonError) && !(error instanceof TypeError)) throw error;
    throw new DockerError(400, `invalid JSON: ${error.message}`, { cause: error });
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new DockerError(400, 'invalid JSON: an object is expected');
  return value as JsonObject;
}

/** Throws DockerError 400 for a body of another type, in dockerd's words. */
export function checkContentType(type: string | undefined, hasBody: boolean): void {
  if (!hasBody) return;
  const media = type?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (media === '') throw new DockerError(400, 'malformed Content-Type header (): mime: no media type');
  if (media === 'application/json') return;
  throw new DockerError(400, `unsupported Content-Type header (${media.slice(0, 128)}): must be 'application/json'`);
}
