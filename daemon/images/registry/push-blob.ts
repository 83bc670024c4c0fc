/** A blob into a repository: found there, taken over from another repository of the registry, or sent. */
import type { Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import type { Repository } from '../reference.ts';
import { RegistryFailure } from './failure.ts';
import { pullScope, pushScope, repositoryPath } from './repository.ts';
import type { Session } from './session.ts';
import type { Transport } from './transport.ts';
import { Upload, type BlobSource, type UploadOptions } from './upload.ts';

export interface PushOptions extends UploadOptions {
  /** Paths of repositories of the same registry that may have it, the likeliest first. */
  readonly mountFrom?: readonly string[] | undefined;
}

export type PushOutcome = 'exists' | 'mounted' | 'uploaded';

export interface PushTarget {
  readonly session: Session;
  readonly transport: Transport;
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly what: string;
}

/** More repositories are not asked for a mount: each is a request. */
const MOUNTS_MAX = 3;

/** The blob's size by the registry; undefined where it has no such blob. */
export async function blobSize(
  session: Session,
  repository: Repository,
  digest: Digest,
  scopes: readonly string[],
  what: string,
  signal: AbortSignal | undefined,
): Promise<number | 'unknown' | undefined> {
  const answer = await session.request({
    method: 'HEAD',
    path: `${repositoryPath(session.source, repository)}/blobs/${digest}`,
    scopes,
    signal,
    accept: [200, 404],
    what,
    notFound: 'blob_not_found',
  });
  await answer.discard();
  return answer.status === 200 ? (answer.length ?? 'unknown') : undefined;
}

async function exists(target: PushTarget, scopes: readonly string[], options: PushOptions): Promise<boolean> {
  const { session, repository, descriptor, what } = target;
  const size = await blobSize(session, repository, descriptor.digest, scopes, what, options.signal);
  if (size === undefined || size === 'unknown' || size === descriptor.size) return size !== undefined;
  throw new RegistryFailure(
    'size_mismatch',
    `${what}: ${session.source.name} has ${size} bytes of it, and it is ${descriptor.size} bytes long`,
  );
}

/** Begins an upload; undefined where the blob was mounted from `from` instead. */
async function start(
  target: PushTarget,
  source: BlobSource,
  options: PushOptions,
  from: string | undefined,
): Promise<Upload | undefined> {
  const { session, transport, repository, descriptor, what } = target;
  const path = repositoryPath(session.source, repository);
  const own = [pushScope(path)];
  const query =
    from === undefined ? '' : `?mount=${encodeURIComponent(descriptor.digest)}&from=${encodeURIComponent(from)}`;
  const answer = await session.request({
    method: 'POST',
    path: `${path}/blobs/uploads/${query}`,
    body: Buffer.alloc(0),
    scopes: from === undefined ? own : [...own, pullScope(from)],
    signal: options.signal,
    accept: from === undefined ? [202] : [201, 202],
    what,
    notFound: 'image_not_found',
  });
  await answer.discard();
  return answer.status === 201
    ? undefined
    : new Upload({ session, transport, scopes: own, descriptor, what }, source, options, answer);
}

/** Tries the repositories that may have it: "mounted", the upload that the last one began instead, or nothing. */
async function mount(
  target: PushTarget,
  source: BlobSource,
  options: PushOptions,
): Promise<Upload | 'mounted' | undefined> {
  let begun: Upload | undefined;
  const others = (options.mountFrom ?? []).filter((path) => path !== target.repository.path);
  for (const from of others.slice(0, MOUNTS_MAX)) {
    await begun?.cancel();
    begun = undefined;
    try {
      begun = await start(target, source, options, from);
    } catch (error) {
      // Ignoring: who may not read over there, or where that is not known, sends the blob.
      if (!(error instanceof ImageError) || options.signal?.aborted === true) throw error;
      continue;
    }
    if (begun === undefined) return 'mounted';
  }
  return begun;
}

/** Throws RegistryFailure, what `source` throws, or the signal's reason. */
export async function pushBlob(target: PushTarget, source: BlobSource, options: PushOptions): Promise<PushOutcome> {
  const { session, repository, what } = target;
  const scopes = [pushScope(repositoryPath(session.source, repository))];
  if (await exists(target, scopes, options)) return 'exists';
  const mounted = await mount(target, source, options);
  if (mounted === 'mounted') return 'mounted';
  let upload = mounted ?? (await start(target, source, options, undefined));
  for (let begun = 1; upload !== undefined; begun++) {
    if (await upload.send()) return 'uploaded';
    // It may be lost because it was complete: the answer was what got lost.
    if (await exists(target, scopes, options)) return 'uploaded';
    if (begun >= session.limits.attempts) break;
    upload = await start(target, source, options, undefined);
  }
  throw new RegistryFailure('registry_failed', `${what}: ${session.source.name} lost the upload again and again`);
}
