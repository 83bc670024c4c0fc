/** Which image a reference means, and what its configuration says. */
import { isDigest, type Digest } from '../../images/digest.ts';
import { ImageError, shown } from '../../images/errors.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import { parseImageConfig, type ImageConfig } from '../../images/manifest/image-config.ts';
import { acceptable, parsePlatform, platformText, type Platform } from '../../images/manifest/platform.ts';
import {
  canonicalText,
  parseReference,
  repositoryName,
  withDefaultTag,
  type Reference,
} from '../../images/reference.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { imageError } from './image-error.ts';

export interface FoundImage {
  readonly manifest: ManifestRow;
  /** The row it was found by, in full ("docker.io/library/debian:12"); absent: it was given by its id. */
  readonly name?: string;
}

/** What finding an image takes of the Context. */
export type ImageContext = Pick<Context, 'registry' | 'images'>;

const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/**
 * By its name ("debian" is "docker.io/library/debian:latest"), name and digest, id, or the unique beginning of an id, in
 * this order. `platform`: as people write it; absent: whatever is here, the host's first. Throws `image_not_found`,
 * `ambiguous_reference`, `no_such_platform`, `invalid_reference`.
 */
export function findImage(context: ImageContext, ref: string, platform?: string): FoundImage {
  const wanted = platform === undefined ? undefined : wantedPlatform(platform);
  const [any, ...others] = candidatesOf(context, ref);
  if (any === undefined) throw notHere(ref);
  const candidates = [any, ...others];
  const [best] = byPlatform(candidates, wanted ?? context.images.platform);
  if (best !== undefined) return best;
  // the host's own where there is one, and else what there is
  if (wanted === undefined) return any;
  const there = [...new Set(candidates.map(({ manifest }) => shown(platformText(platformOf(manifest)))))];
  throw new EngineError(
    'no_such_platform',
    `image "${shown(ref)}" is here for ${there.join(', ')}, not for ${platformText(wanted)}`,
    { field: 'platform', hint: `pull it with "tare pull --platform ${platformText(wanted)} ${shown(ref)}"` },
  );
}

function notHere(ref: string): EngineError {
  const isName = nameOf(ref) !== undefined && !ref.startsWith('sha256:');
  const hint = !isName ? {} : { hint: `pull it with "tare pull ${shown(ref)}"` };
  return new EngineError('image_not_found', `image "${shown(ref)}" is not here`, hint);
}

/** Every manifest of the image with this id: the same configuration may be in several. */
export function manifestsOfId(context: Pick<Context, 'registry'>, id: string): ManifestRow[] {
  return context.registry.images.ofConfig(id);
}

/** Reads what its configuration says. Throws `store_damaged`, `blob_not_found`, `manifest_invalid`. */
export async function imageConfig(
  context: Pick<Context, 'images'>,
  { config: digest }: Pick<ManifestRow, 'config'>,
): Promise<ImageConfig> {
  const { configs } = context.images;
  const kept = configs.get(digest);
  if (kept !== undefined) return kept;
  try {
    const document = await configDocument(context, digest);
    const config = parseImageConfig(document, `configuration ${digest}`);
    configs.put(digest, config, document.length);
    return config;
  } catch (error) {
    throw imageError(error);
  }
}

/** As it came. Throws ImageError blob_not_found, store_damaged. */
export function configDocument({ images }: Pick<Context, 'images'>, digest: string): Promise<Buffer> {
  return images.store.contents.read(digest as Digest, DOCUMENT_BYTES_MAX);
}

export function platformOf({ os, architecture, variant }: ManifestRow): Platform {
  return { os, architecture, ...(variant === null ? {} : { variant }) };
}

function wantedPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw imageError(error, 'platform');
  }
}

function candidatesOf(context: ImageContext, ref: string): FoundImage[] {
  const name = nameOf(ref);
  const named = name === undefined ? [] : byName(context, name);
  if (named.length > 0) return named;
  const found = byId(context, ref);
  if (found.length === 0 && name === undefined && !isDigest(ref) && !ID_PREFIX.test(ref)) checkReference(ref);
  return found.map((manifest) => ({ manifest }));
}

/** With the tag that goes without saying; undefined: it can only be an id. */
function nameOf(ref: string): Reference | undefined {
  if (isDigest(ref)) return undefined;
  try {
    return withDefaultTag(parseReference(ref));
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

function checkReference(ref: string): void {
  try {
    parseReference(ref);
  } catch (error) {
    throw imageError(error);
  }
}

function byName({ registry: { images } }: ImageContext, name: Reference): FoundImage[] {
  const exact = images.get(canonicalText(name)) ?? (name.digest === undefined ? undefined : images.get(bare(name)));
  if (exact !== undefined) return manifestOf(images.manifest(exact.manifest), exact.name);
  const { digest } = name;
  if (digest === undefined) return [];
  // the digest counts, whatever tag it came by
  const repository = repositoryName(name);
  return images
    .all()
    .filter((row) => (row.target === digest || row.manifest === digest) && isOf(row.name, repository))
    .flatMap((row) => manifestOf(images.manifest(row.manifest), row.name));
}

/** With its digest alone. */
function bare({ registry, path, digest }: Reference): string {
  return canonicalText({ registry, path, ...(digest === undefined ? {} : { digest }) });
}

function isOf(name: string, repository: string): boolean {
  return name.startsWith(repository) && [':', '@'].includes(name.charAt(repository.length));
}

function manifestOf(manifest: ManifestRow | undefined, name: string): FoundImage[] {
  return manifest === undefined ? [] : [{ manifest, name }];
}

/** By a whole digest also that of its manifest, which is what registries call it. */
function byId({ registry: { images } }: ImageContext, ref: string): ManifestRow[] {
  if (isDigest(ref)) {
    const ofConfig = images.ofConfig(ref);
    const manifest = images.manifest(ref);
    return ofConfig.length > 0 || manifest === undefined ? ofConfig : [manifest];
  }
  const digits = ID_PREFIX.exec(ref)?.[1];
  if (digits === undefined) return [];
  const found = images.byId(digits);
  if (new Set(found.map(({ config }) => config)).size > 1) {
    throw new EngineError('ambiguous_reference', `more than one image's id starts with "${ref}"`);
  }
  return found;
}

/** Those that run on it, what suits it best first. */
function byPlatform(candidates: readonly FoundImage[], wanted: Platform): FoundImage[] {
  const texts = acceptable(wanted).map(platformText);
  const rankOf = ({ manifest }: FoundImage): number => texts.indexOf(platformText(platformOf(manifest)));
  return candidates
    .filter((candidate) => rankOf(candidate) >= 0)
    .toSorted((left, right) => rankOf(left) - rankOf(right));
}
