/**
 * An image into the store: its manifest, configuration and layers, the layers unpacked, and then, in one transaction, the
 * rows that make it an image with names. Pull, load, import and commit end here.
 *
 * Contents are fetched side by side and each layer is unpacked as it is there, whatever becomes of those below it.
 */
import type { StoredImage } from '../../../shared/api/image.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import { checkLayerCount, parseImageConfig, type ImageConfig } from '../../images/manifest/image-config.ts';
import { checkRunnable, parseManifest, type ImageManifest } from '../../images/manifest/manifest.ts';
import { checkPlatform, type Platform } from '../../images/manifest/platform.ts';
import { familiarText, parseReference } from '../../images/reference.ts';
import type { AheadSession } from '../../images/archive/unpack-ahead.ts';
import type { Content } from '../../images/store/fill-part.ts';
import type { Report } from '../../api/engine.ts';
import type { Happening } from '../journal.ts';
import type { MovingContext } from './context.ts';
import { StoringLayers } from './store-layers.ts';
import type { LeasedWork } from './work.ts';

/** Content from byte `from` on, or from 0. It ends with the reason when `signal` is aborted. */
export type FetchBlob = (descriptor: Descriptor, from: number, signal: AbortSignal | undefined) => Promise<Content>;

export interface ImageName {
  /** Canonical: "docker.io/library/debian:12", or with @digest. */
  readonly name: string;
  /** What the source calls it: an index's digest, or the manifest's own, which is the default. */
  readonly target?: Digest;
}

export interface ImageToStore {
  /** As it came: a manifest, not an index. */
  readonly manifest: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  /** Begins messages: "debian:12", "the archive's image 2". */
  readonly what: string;
  /** Where what is not in the store comes from. Absent: all of it is there. */
  readonly fetchBlob?: FetchBlob;
  /** Asked instead after something came that was not what its descriptor says. */
  readonly refetchBlob?: FetchBlob;
  /** Has unpacked some of the layers already, and unpacks others while they come. */
  readonly ahead?: AheadSession | undefined;
  readonly names: readonly ImageName[];
  /** What it must run as. Absent: anything. */
  readonly platform?: Platform;
  /** Told with it, in one transaction. */
  readonly happenings?: (image: ImageHappened) => readonly Happening[];
}

export interface ImageHappened {
  readonly id: Digest;
  readonly config: ImageConfig;
  /** As people write them. */
  readonly names: readonly string[];
}

export interface StoredResult {
  readonly image: StoredImage;
  /** Bytes that came from elsewhere. 0: all of it was here. */
  readonly fetched: number;
}

/** Throws ImageError, EngineError of the journal, the signal's reason, UnpackFailure, errors of fs. */
export async function storeImage(
  context: MovingContext,
  work: LeasedWork,
  image: ImageToStore,
  report: Report,
  signal: AbortSignal,
): Promise<StoredResult> {
  const { store } = context.images;
  const { descriptor, bytes } = image.manifest;
  const manifest = imageManifestOf(image);
  work.lease.hold(descriptor.digest, manifest.config.digest, ...manifest.layers.map(({ digest }) => digest));
  const layers = new StoringLayers({ context, work, image, report });
  await store.contents.ingest(work.lease, descriptor, () => ({ from: 0, stream: one(bytes) }), { what: image.what });
  const configDocument = await readConfig(layers, manifest.config, image.what, signal);
  const config = parseImageConfig(configDocument, `${image.what}: its configuration`);
  checkLayerCount(manifest, config, image.what);
  if (image.platform !== undefined) checkPlatform(config.platform, image.what, image.platform);
  const rows = await layers.store(manifest.layers, config.diffIds, signal);
  signal.throwIfAborted();
  const id = manifest.config.digest;
  const names = image.names.map(({ name }) => familiarText(parseReference(name)));
  const { os, architecture, variant = null } = config.platform;
  const { mediaType } = manifest;
  const row = {
    digest: descriptor.digest,
    mediaType,
    config: id,
    os,
    architecture,
    variant,
    createdAt: nowTimestamp(),
  };
  context.journal.commit(
    ({ images }) => {
      images.insert({ ...row, layers: rows });
      for (const { name, target } of image.names) {
        const told = { target: target ?? descriptor.digest, isShared: target !== undefined };
        images.tag({ name, manifest: descriptor.digest, ...told, taggedAt: nowTimestamp() });
      }
    },
    ...(image.happenings?.({ id, config, names }) ?? []),
  );
  return { image: { id, manifest: descriptor.digest, names }, fetched: layers.fetched };
}

function imageManifestOf({ manifest: { bytes, descriptor }, what }: ImageToStore): ImageManifest {
  const manifest = parseManifest(bytes, descriptor.mediaType, what);
  if (manifest.kind === 'index') {
    throw new ImageError('manifest_invalid', `${what}: it is an index where a manifest is expected`);
  }
  checkRunnable(manifest, what);
  return manifest;
}

async function readConfig(
  layers: StoringLayers,
  descriptor: Descriptor,
  what: string,
  signal: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > DOCUMENT_BYTES_MAX) {
    const problem = `its configuration is to be ${descriptor.size} bytes long, more than ${DOCUMENT_BYTES_MAX}`;
    throw new ImageError('too_large', `${what}: ${problem}`);
  }
  return layers.document(descriptor, signal);
}

function one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- nothing is waited for
    async *[Symbol.asyncIterator]() {
      if (bytes.length > 0) yield Buffer.from(bytes);
    },
  };
}
