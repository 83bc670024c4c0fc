/**
 * Archives of an OCI image layout: OCI image-spec 1.1, image-layout.md. index.json lists the images; who wrote it tells
 * their names as annotations. An entry may be an index again, of one image for several platforms.
 */
import type { Digest } from '../digest.ts';
import { ImageError, shown } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { Fields } from '../manifest/fields.ts';
import { checkRunnable, manifestTypeOf, parseManifest, type Manifest } from '../manifest/manifest.ts';
import { OCI_INDEX } from '../manifest/media-types.ts';
import { choosePlatform, platformText, type Platform } from '../manifest/platform.ts';
import { IMAGES_MAX, archiveName, filesOf, imageTitle, type ArchiveImage } from './archive-image.ts';
import type { ArchiveContents, ArchiveFile } from './contents.ts';

export const LAYOUT_NAME = 'oci-layout';
export const INDEX_NAME = 'index.json';
/** annotations.md: a tag, or as podman and skopeo write it a name with its tag. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** The name in full, as containerd and docker write it. */
export const IMAGE_NAME = 'io.containerd.image.name';

const INDEXES_MAX = 4;
/** What buildkit gives to attestations, which are no images. */
const NO_PLATFORM = 'unknown/unknown';

interface Found {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly document: Manifest;
}

/**
 * `wanted`: of an image for several platforms that one, and not the host's. In order. Throws ImageError archive_invalid,
 * manifest_invalid, unsupported_media_type, media_type_mismatch, no_such_platform, digest_mismatch, size_mismatch,
 * blob_not_found, too_large, store_damaged.
 */
export async function* ociImages(archive: ArchiveContents, wanted: Platform | undefined): AsyncGenerator<ArchiveImage> {
  await checkLayout(archive);
  const bytes = await archive.document(archive.get(INDEX_NAME), INDEX_NAME);
  const index = parseManifest(bytes, OCI_INDEX, INDEX_NAME);
  if (index.kind !== 'index') throw new TypeError('an index is what was asked for');
  const entries = index.manifests.filter(isImage);
  if (entries.length === 0 || entries.length > IMAGES_MAX) {
    throw new ImageError('archive_invalid', `${INDEX_NAME} lists ${entries.length} images, not 1 to ${IMAGES_MAX}`);
  }
  for (const [position, group] of groupsOf(entries).entries()) {
    const names = [...new Set(group.flatMap(namesOf))];
    yield ociImage(archive, group, { wanted, names, what: imageTitle(names, position) });
  }
}

async function checkLayout(archive: ArchiveContents): Promise<void> {
  const bytes = await archive.document(archive.get(LAYOUT_NAME), LAYOUT_NAME);
  const fields = Fields.parse(bytes, LAYOUT_NAME, 'archive_invalid');
  const version = fields.required('imageLayoutVersion', fields.text('imageLayoutVersion'));
  if (!/^1\.\d+\.\d+$/.test(version)) fields.refuse('imageLayoutVersion', `is ${shown(version)}, not 1.x`);
}

function isImage(entry: Descriptor): boolean {
  const { platform } = entry;
  return manifestTypeOf(entry) !== undefined && (platform === undefined || platformText(platform) !== NO_PLATFORM);
}

/** Of a name that is no reference nothing is made: image-spec leaves its form to the writer. */
function namesOf({ annotations }: Descriptor): string[] {
  const full = annotations?.[IMAGE_NAME];
  const short = annotations?.[REF_NAME];
  // a tag alone does not say of what
  const text = full ?? (short !== undefined && /[:/]/.test(short) ? short : undefined);
  if (text === undefined) return [];
  try {
    return [archiveName(text)];
  } catch (error) {
    if (error instanceof ImageError) return [];
    throw error;
  }
}

/**
 * Entries that are one image: of one manifest under several names; or of one name, or none, for different platforms.
 */
function groupsOf(entries: readonly Descriptor[]): Descriptor[][] {
  const count = new Map<string, number>();
  const counted = (key: string): number => {
    const before = count.get(key) ?? 0;
    count.set(key, before + 1);
    return before;
  };
  for (const { digest } of entries) counted(digest);
  const groups = new Map<string, Descriptor[]>();
  for (const entry of entries) {
    const { digest, platform } = entry;
    let key: string = digest;
    if (platform !== undefined && count.get(digest) === 1) {
      const name = namesOf(entry)[0] ?? '';
      // A second one of the same platform is another image.
      key = `${counted(`${name} ${platformText(platform)}`)} ${name}`;
    }
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return [...groups.values()];
}

interface Wish {
  readonly wanted: Platform | undefined;
  readonly names: readonly string[];
  readonly what: string;
}

async function ociImage(archive: ArchiveContents, group: readonly Descriptor[], wish: Wish): Promise<ArchiveImage> {
  const { what, names } = wish;
  const { descriptor, bytes, document } = await manifestOf(archive, group, wish);
  checkRunnable(document, what);
  const digests = [document.config, ...document.layers].map(({ digest }) => digest);
  return {
    ...{ what, names, isOriginal: true, config: document.config.digest },
    manifest: { descriptor, bytes },
    files: filesOf(archive, digests),
  };
}

/** Through indexes, if any, to the manifest for the platform. */
async function manifestOf(archive: ArchiveContents, group: readonly Descriptor[], { what, wanted }: Wish) {
  let entries = group;
  for (let depth = 0; depth <= INDEXES_MAX; depth++) {
    const found = await read(archive, chosen(entries, what, wanted), what);
    const { document } = found;
    if (document.kind === 'manifest') return { ...found, document };
    entries = document.manifests.filter(isImage);
  }
  throw new ImageError('archive_invalid', `${what}: its indexes are more than ${INDEXES_MAX} deep`);
}

/** What is the only one is taken where nobody asked for another. */
function chosen(entries: readonly Descriptor[], what: string, wanted: Platform | undefined): Descriptor {
  const [first, ...others] = entries;
  const isOnly = first !== undefined && others.every(({ digest }) => digest === first.digest);
  return isOnly && wanted === undefined ? first : choosePlatform(entries, what, wanted);
}

async function read(archive: ArchiveContents, descriptor: Descriptor, what: string): Promise<Found> {
  const file = archive.findBlob(descriptor.digest) ?? missing(descriptor.digest, what);
  checkSize(file, descriptor, what);
  const bytes = await archive.document(file, `${what}: manifest ${descriptor.digest}`);
  const document = parseManifest(bytes, descriptor.mediaType, `${what}: manifest ${descriptor.digest}`);
  return { descriptor, bytes, document };
}

function checkSize({ size }: ArchiveFile, descriptor: Descriptor, what: string): void {
  if (size === descriptor.size) return;
  const problem = `${descriptor.digest} has ${size} bytes and is said to have ${descriptor.size}`;
  throw new ImageError('size_mismatch', `${what}: ${problem}`);
}

function missing(digest: Digest, what: string): never {
  throw new ImageError('blob_not_found', `${what}: the archive has no ${digest}`);
}
