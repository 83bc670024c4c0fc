/** Manifests and tags at one source: distribution-spec 1.1, "Pulling manifests", "Pushing Manifests", "Content Discovery". */
import { digestAlgorithm, digestOf, isDigest, type Digest } from '../digest.ts';
import { shown } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX, Fields } from '../manifest/fields.ts';
import { checkManifestType, MANIFEST_TYPES } from '../manifest/media-types.ts';
import { parseManifest } from '../manifest/manifest.ts';
import { isTag, type Repository } from '../reference.ts';
import type { Answer } from './answer.ts';
import { RegistryFailure } from './failure.ts';
import { pullScope, pushScope, repositoryPath } from './repository.ts';
import type { Session } from './session.ts';

/** A manifest, or an index, as its registry has it: verified against its digest and parsed once. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

const ACCEPT = MANIFEST_TYPES.join(', ');
/** What servers say that do not know what they serve. */
const VAGUE: ReadonlySet<string> = new Set(['application/octet-stream', 'application/json', 'text/plain']);
const TAGS_MAX = 100_000;
const PAGES_MAX = 1000;

/** The header Docker-Content-Digest; undefined where it is not there. */
function promisedDigest(answer: Answer, what: string): Digest | undefined {
  const text = answer.header('docker-content-digest');
  if (text === undefined || text === '' || isDigest(text)) return text === '' ? undefined : text;
  throw new RegistryFailure('registry_invalid', `${what}: ${answer.url.host} gives "${shown(text)}" as its digest`);
}

function givenType(answer: Answer): string | undefined {
  const { mediaType } = answer;
  return mediaType === undefined || VAGUE.has(mediaType) ? undefined : mediaType;
}

function request(repository: Repository, target: string, session: Session, signal: AbortSignal | undefined) {
  const path = repositoryPath(session.source, repository);
  return {
    path: `${path}/manifests/${target}`,
    headers: { accept: ACCEPT },
    scopes: [pullScope(path)],
    signal,
    accept: [200],
    notFound: 'image_not_found',
  } as const;
}

/**
 * What `tag` means now, by a request for the header alone; undefined where the source's header does not tell, and the
 * manifest is to be fetched.
 */
export async function resolveTag(
  session: Session,
  repository: Repository,
  tag: string,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  const answer = await session.request({ ...request(repository, tag, session, signal), method: 'HEAD', what });
  await answer.discard();
  const digest = promisedDigest(answer, what);
  const mediaType = givenType(answer);
  if (digest === undefined || mediaType === undefined || answer.length === undefined) return undefined;
  return { mediaType: checkManifestType(mediaType, what), digest, size: answer.length };
}

/** What a manifest is to be, as far as it is known. */
export interface Expected {
  readonly digest?: Digest;
  readonly size?: number;
  readonly mediaType?: string;
}

function checkContent(bytes: Buffer, answer: Answer, expected: Expected, what: string): Digest {
  const promised = promisedDigest(answer, what);
  const { size } = expected;
  if (size !== undefined && bytes.length !== size) {
    throw new RegistryFailure('size_mismatch', `${what}: ${answer.url.host} sends ${bytes.length} bytes, not ${size}`);
  }
  const digest = expected.digest ?? promised;
  const found = digestOf(bytes, digest === undefined ? 'sha256' : digestAlgorithm(digest));
  const same = promised !== undefined && digestAlgorithm(promised) === digestAlgorithm(found) ? promised : undefined;
  for (const wanted of [digest, same]) {
    if (wanted === undefined || wanted === found) continue;
    throw new RegistryFailure('digest_mismatch', `${what}: ${answer.url.host} sends ${found}, not ${wanted}`);
  }
  return found;
}

/** `target`: a tag or a digest. Throws RegistryFailure or ImageError where the content is not what it is to be. */
export async function fetchManifest(
  session: Session,
  repository: Repository,
  target: string,
  expected: Expected,
  what: string,
  signal: AbortSignal | undefined,
): Promise<FetchedManifest> {
  if (expected.size !== undefined && expected.size > DOCUMENT_BYTES_MAX) {
    throw new RegistryFailure(
      'too_large',
      `${what}: it is to be ${expected.size} bytes long, more than ${DOCUMENT_BYTES_MAX}`,
    );
  }
  const answer = await session.request({ ...request(repository, target, session, signal), method: 'GET', what });
  const bytes = await answer.read(what);
  const digest = checkContent(bytes, answer, expected, what);
  const given = givenType(answer);
  const { mediaType } = expected;
  if (mediaType !== undefined && given !== undefined && given !== mediaType) {
    throw new RegistryFailure(
      'media_type_mismatch',
      `${what}: ${answer.url.host} calls it ${shown(given)}, and it is to be ${shown(mediaType)}`,
    );
  }
  const parsed = parseManifest(bytes, given ?? mediaType, what);
  return { bytes, descriptor: { mediaType: parsed.mediaType, digest, size: bytes.length } };
}

/** Whether the repository has this manifest, by its digest. */
export async function hasManifest(
  session: Session,
  repository: Repository,
  digest: Digest,
  what: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const asked = { ...request(repository, digest, session, signal), method: 'HEAD', what, accept: [200, 404] } as const;
  const answer = await session.request(asked);
  await answer.discard();
  return answer.status === 200;
}

/** `target`: a tag, or the manifest's digest. Its blobs must be there already. */
export async function pushManifest(
  session: Session,
  repository: Repository,
  target: string,
  manifest: FetchedManifest,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = repositoryPath(session.source, repository);
  const { bytes, descriptor } = manifest;
  const answer = await session.request({
    method: 'PUT',
    path: `${path}/manifests/${target}`,
    headers: { 'content-type': descriptor.mediaType },
    body: bytes,
    scopes: [pushScope(path)],
    signal,
    accept: [201],
    what,
    notFound: 'image_not_found',
  });
  await answer.discard();
  const stored = promisedDigest(answer, what);
  const isOther = stored !== undefined && digestAlgorithm(stored) === digestAlgorithm(descriptor.digest);
  if (isOther && stored !== descriptor.digest) {
    throw new RegistryFailure(
      'digest_mismatch',
      `${what}: ${answer.url.host} keeps it as ${stored}, not as ${descriptor.digest}`,
    );
  }
}

/** The place of the next page, RFC 8288: `<…>; rel="next"`. */
function nextPage(answer: Answer): URL | undefined {
  const match = /<([^<>]*)>\s*;[^,]*\brel="?next"?/i.exec(answer.header('link')?.slice(0, 4096) ?? '');
  const text = match?.[1];
  if (text === undefined || !URL.canParse(text, answer.url.href)) return undefined;
  const next = new URL(text, answer.url);
  return next.origin === answer.url.origin ? next : undefined;
}

/** All tags of the repository, in the order of the registry. */
export async function listTags(
  session: Session,
  repository: Repository,
  what: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const path = repositoryPath(session.source, repository);
  const tags = new Set<string>();
  let page: string | URL | undefined = `${path}/tags/list?n=1000`;
  for (let pages = 0; page !== undefined; pages++) {
    const answer: Answer = await session.request({
      method: 'GET',
      path: page,
      scopes: [pullScope(path)],
      signal,
      accept: [200],
      what,
      notFound: 'image_not_found',
    });
    const fields = Fields.parse(await answer.read(what), what, 'registry_invalid');
    for (const tag of fields.texts('tags', TAGS_MAX) ?? []) if (isTag(tag)) tags.add(tag);
    page = nextPage(answer);
    if (tags.size > TAGS_MAX || pages === PAGES_MAX) {
      throw new RegistryFailure('too_large', `${what}: ${answer.url.host} lists more than ${TAGS_MAX} tags`);
    }
  }
  return [...tags];
}
