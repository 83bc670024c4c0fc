/** Secrets of a request: what is kept of them, what is shown of them, and what they hold at a start. */
import { posix } from 'node:path';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { SECRETS_DIRECTORY } from '../../runtime/plan/compile-secrets.ts';
import type { Secret } from '../../runtime/plan/target.ts';
import { EngineError } from '../errors.ts';

/** One as the registry keeps it. */
export interface KeptSecret {
  /** Absolute, in the container. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** A file of the host; or else `data`, base64. */
  readonly source?: string;
  readonly data?: string;
}

const MOST_BYTES = 500 * 1024;
/** All travel to the container's init in one message. */
const MOST_BYTES_TOGETHER = 4 * 1024 * 1024;
const DEFAULT_MODE = 0o444;
/** What stands in place of the data of a request that is shown: no base64, so that nobody takes it for some. */
const HIDDEN = '***';
/** What the kernel says there is not to be laid over. */
const KEPT_FREE = ['/proc', '/sys', '/dev'];

/** Sources are looked at, so that a name that is mistyped is told at once. Throws `invalid_field`. */
export async function prepareSecrets(request: CreateRequest): Promise<readonly KeptSecret[]> {
  const kept = (request.secrets ?? []).map(keptOf);
  for (const [index, { path }] of kept.entries()) {
    if (kept.findIndex((other) => other.path === path) === index) continue;
    throw invalid(`secrets[${String(index)}].target`, `${path} is another secret's`);
  }
  await contentsOf(kept);
  return kept;
}

function keptOf(asked: NonNullable<CreateRequest['secrets']>[number], index: number): KeptSecret {
  const field = `secrets[${String(index)}]`;
  const { source, data, uid = 0, gid = 0 } = asked;
  if ((source === undefined) === (data === undefined)) throw invalid(field, 'needs source or data, and not both');
  if (data !== undefined && data.replaceAll('=', '').length % 4 === 1) throw invalid(`${field}.data`, 'is not base64');
  const mode = asked.mode === undefined ? DEFAULT_MODE : parseInt(asked.mode, 8);
  const path = pathOf(asked.target, `${field}.target`);
  return { path, mode, uid, gid, ...(source === undefined ? {} : { source }), ...(data === undefined ? {} : { data }) };
}

function pathOf(target: string, field: string): string {
  const path = posix.resolve(SECRETS_DIRECTORY, target);
  const isBelow = path.startsWith(`${SECRETS_DIRECTORY}/`);
  if (target.endsWith('/') || target.split('/').includes('..') || (!isBelow && !target.startsWith('/'))) {
    throw invalid(field, 'is neither a name below /run/secrets nor an absolute path of a file');
  }
  const over = KEPT_FREE.find((place) => path === place || path.startsWith(`${place}/`));
  if (over !== undefined || path === SECRETS_DIRECTORY || path === '/') {
    throw invalid(field, `no secret can lie at ${path}`);
  }
  return path;
}

/** The request without what is secret, to be kept and shown. */
export function withoutSecrets(request: CreateRequest): CreateRequest {
  if (request.secrets === undefined) return request;
  const secrets = request.secrets.map((secret) => (secret.data === undefined ? secret : { ...secret, data: HIDDEN }));
  return { ...request, secrets };
}

/** With nothing in them: for a plan that is only tried. */
export function emptySecrets(kept: readonly KeptSecret[]): Secret[] {
  return kept.map((secret) => secretOf(secret, new Uint8Array()));
}

/** With what they hold now. Throws `invalid_field` by the source that cannot be read. */
export async function readSecrets(kept: readonly KeptSecret[]): Promise<Secret[]> {
  const contents = await contentsOf(kept);
  return kept.map((secret, index) => secretOf(secret, contents[index] ?? new Uint8Array()));
}

function secretOf({ path, mode, uid, gid }: KeptSecret, content: Uint8Array): Secret {
  return { path, mode, uid, gid, content };
}

async function contentsOf(kept: readonly KeptSecret[]): Promise<Uint8Array[]> {
  const contents: Uint8Array[] = [];
  let sum = 0;
  for (const [index, { source, data = '' }] of kept.entries()) {
    const field = `secrets[${String(index)}]`;
    const content = source === undefined ? Buffer.from(data, 'base64') : await readSource(source, `${field}.source`);
    if (content.length > MOST_BYTES) throw invalid(field, `holds more than ${String(MOST_BYTES)} bytes`);
    sum += content.length;
    if (sum > MOST_BYTES_TOGETHER) throw invalid(field, `all hold more than ${String(MOST_BYTES_TOGETHER)} bytes`);
    contents.push(content);
  }
  return contents;
}

/**
 * Links are followed, as those of a bind are: keys are often kept behind one. What is opened has to be a regular file,
 * and is never waited for.
 */
async function readSource(source: string, field: string): Promise<Uint8Array> {
  try {
    const file = await open(source, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      if (!(await file.stat()).isFile()) throw invalid(field, `${source} is not a regular file`);
      // one more than is allowed: it may be growing
      const buffer = Buffer.alloc(MOST_BYTES + 1);
      let used = 0;
      for (let size = -1; size !== 0 && used < buffer.length; used += size) {
        size = (await file.read(buffer, used, buffer.length - used)).bytesRead;
      }
      return buffer.subarray(0, used);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new EngineError('invalid_field', `${field}: ${source}: ${code}`, { field, cause: error });
  }
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
