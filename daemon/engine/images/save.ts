/** Images as an archive that docker, podman, skopeo and `tare load` take. */
import type { ArchiveFormat, SaveRequest } from '../../../shared/api/image.ts';
import type { Download } from '../../api/engine.ts';
import type { SavedImage } from '../../images/archive/saved-image.ts';
import { dockerMembers } from '../../images/archive/save-docker.ts';
import { ociMembers } from '../../images/archive/save-oci.ts';
import type { Digest } from '../../images/digest.ts';
import { ImageError, shown } from '../../images/errors.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import { parseManifest } from '../../images/manifest/manifest.ts';
import { familiarText, parseReference, repositoryName } from '../../images/reference.ts';
import { tarArchive } from '../../images/tar/writer.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import type { Happening } from '../journal.ts';
import { findImage, imageConfig } from './find.ts';
import { imageError } from './image-error.ts';
import { isWhole } from './stored.ts';

const MEMBERS = { 'docker-archive': dockerMembers, 'oci-archive': ociMembers } as const;

interface Chosen {
  readonly row: ManifestRow;
  /** Canonical, with tags. */
  readonly names: Set<string>;
}

/**
 * A name without a tag means every tag of its repository, as for `docker save`. Throws EngineError `image_not_found`,
 * `ambiguous_reference`, `invalid_reference`, `store_damaged`, before the first byte.
 */
export async function saveImages(context: Context, request: SaveRequest, signal: AbortSignal): Promise<Download> {
  await context.images.work.ready();
  const chosen = choose(context, request.images);
  for (const { row } of chosen) checkWhole(context, row);
  return { stream: archive(context, chosen, request.format ?? 'docker-archive', signal) };
}

/** Each image once, in the order in which they are asked for. */
function choose(context: Context, refs: readonly string[]): Chosen[] {
  const chosen = new Map<string, Chosen>();
  for (const ref of refs) {
    const tags = tagsOf(context, ref);
    for (const { manifest: row, name } of tags.length > 0 ? tags : [findImage(context, ref)]) {
      const there = chosen.get(row.digest) ?? { row, names: new Set() };
      // what has a digest for a name is told by the digest of its content
      if (name !== undefined && !name.includes('@')) there.names.add(name);
      chosen.set(row.digest, there);
    }
  }
  return [...chosen.values()];
}

/** Of a repository; nothing where `ref` is no name of one, or there are none. */
function tagsOf(context: Context, ref: string): { manifest: ManifestRow; name: string }[] {
  let repository: string;
  try {
    const reference = parseReference(ref);
    if (reference.tag !== undefined || reference.digest !== undefined) return [];
    repository = repositoryName(reference);
  } catch (error) {
    if (error instanceof ImageError) return [];
    throw error;
  }
  const { images } = context.registry;
  return images.all().flatMap(({ name, manifest }) => {
    const row = name.startsWith(`${repository}:`) ? images.manifest(manifest) : undefined;
    return row === undefined ? [] : [{ manifest: row, name }];
  });
}

function checkWhole({ images: { store } }: Context, row: ManifestRow): void {
  if (isWhole(store, row)) return;
  const problem = new ImageError('store_damaged', `image ${shown(row.config)} is not all there`);
  throw imageError(problem);
}

/** Nothing of it is collected until the last byte is taken, or its reader has left. */
async function* archive(
  context: Context,
  chosen: readonly Chosen[],
  format: ArchiveFormat,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const over = Promise.withResolvers<undefined>();
  const begun = Promise.withResolvers<AbortSignal>();
  const done = context.images.work.leased('save', signal, (work, either) => {
    // the end of the daemon does not wait for a reader
    either.addEventListener('abort', () => {
      over.resolve(undefined);
    });
    for (const { row } of chosen) work.lease.hold(...digestsOf(row));
    begun.resolve(either);
    return over.promise;
  });
  done.catch((error: unknown) => {
    begun.reject(error);
  });
  try {
    const either = await begun.promise;
    const images: SavedImage[] = [];
    for (const each of chosen) images.push(await savedImage(context, each));
    const { contents } = context.images.store;
    yield* tarArchive(MEMBERS[format](images, { open: (digest) => contents.open(digest), signal: either }));
    for (const each of chosen) context.journal.commit(() => undefined, await toldOf(context, each));
  } catch (error) {
    throw imageError(error);
  } finally {
    over.resolve(undefined);
    await done;
  }
}

function digestsOf({ digest, config, layers }: ManifestRow): Digest[] {
  return [digest, config, ...layers.flatMap(({ blob, layer }) => [blob, layer])] as Digest[];
}

async function savedImage(context: Context, { row, names }: Chosen): Promise<SavedImage> {
  checkWhole(context, row);
  const { contents, layers } = context.images.store;
  const digest = row.digest as Digest;
  const bytes = await contents.read(digest, DOCUMENT_BYTES_MAX);
  const manifest = parseManifest(bytes, row.mediaType, `manifest ${digest}`);
  if (manifest.kind !== 'manifest') throw new ImageError('store_damaged', `manifest ${digest} is an index`);
  const { diffIds } = await imageConfig(context, row);
  return {
    descriptor: { mediaType: row.mediaType, digest, size: bytes.length },
    manifest,
    layers: manifest.layers.map((blob, index) => {
      const [diffId, id] = [diffIds[index], row.layers[index]?.layer];
      if (diffId === undefined || id === undefined) throw new RangeError('each layer has a diff id and is unpacked');
      return { blob, diffId, size: layers.sizeOf(id as Digest) };
    }),
    names: [...names],
  };
}

async function toldOf(context: Context, { row, names }: Chosen): Promise<Happening> {
  const [name] = names;
  const { run } = await imageConfig(context, row);
  return {
    action: 'image_save',
    image: {
      id: row.config,
      name: name === undefined ? row.config : familiarText(parseReference(name)),
      labels: run.labels ?? {},
    },
  };
}
