/** Bodies as dockerd takes them: JSON objects, of any field; nothing counts as an empty one. */
import type { IncomingMessage } from 'node:http';
import { MAX_BODY } from '../api/body.ts';
import { drain } from '../api/drain.ts';
import { ClientGone } from '../api/problem.ts';
import { JsonError, parseJson } from '../../shared/json.ts';
import { DockerError } from './error.ts';
import type { JsonObject } from './route.ts';

export { MAX_BODY };

/** The whole of it as bytes, within the bound: of a larger one the rest is taken, so that its sender hears why. */
export function readBody(request: IncomingMessage, done: (error: Error | null, body?: Buffer) => void): void {
  const pieces: Buffer[] = [];
  let length = 0;
  const rest = (): void => {
    request.off('data', take).off('end', finish).off('close', lose).off('error', lose);
  };
  const refuse = (): void => {
    rest();
    drain(request, () => done(new DockerError(413, 'the body is larger than 4 MiB')));
  };
  const take = (piece: Buffer): void => {
    length += piece.length;
    pieces.push(piece);
    if (length > MAX_BODY) refuse();
  };
  const finish = (): void => {
    rest();
    done(null, Buffer.concat(pieces));
  };
  const lose = (): void => {
    rest();
    done(new ClientGone());
  };
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) refuse();
  else request.on('data', take).on('end', finish).on('close', lose).on('error', lose).resume();
}

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
