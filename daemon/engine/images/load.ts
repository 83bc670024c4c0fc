/** Images of an archive into the store: what `docker save`, `podman save`, skopeo and `tare save` write. */
import type { Readable } from 'node:stream';
import type { LoadQuery, LoadResponse, StoredImage } from '../../../shared/api/image.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Report } from '../../api/engine.ts';
import type { ArchiveImage } from '../../images/archive/archive-image.ts';
import type { AheadSession } from '../../images/archive/unpack-ahead.ts';
import { imagesOf, takeArchive } from '../../images/archive/read-archive.ts';
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import { parsePlatform, type Platform } from '../../images/manifest/platform.ts';
import { familiarText, parseReference } from '../../images/reference.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import type { Happening } from '../journal.ts';
import { imageConfig, manifestsOfId } from './find.ts';
import { imageError } from './image-error.ts';
import { reading } from './reading.ts';
import { storeImage, type FetchBlob } from './store-image.ts';
import { isWhole } from './stored.ts';
import type { LeasedWork } from './work.ts';

interface Load {
  readonly ahead: AheadSession | undefined;
  readonly context: Context;
  readonly work: LeasedWork;
  /** What it must run as, where somebody asked. */
  readonly platform: Platform | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * The images before one that fails are there, and of it nothing. Throws EngineError of
 * daemon/engine/images/image-error.ts, and the signal's reason.
 */
export async function loadImages(
  context: Context,
  stream: Readable,
  query: LoadQuery,
  report: Report,
  signal: AbortSignal,
): Promise<LoadResponse> {
  try {
    const platform = query.platform === undefined ? undefined : parsePlatform(query.platform, context.images.platform);
    // An archive comes from its beginning each time: what a killed daemon had of one is of use to no one but the next load.
    return await context.images.work.leased('load', signal, async (work, either) => {
      const ahead = context.images.ahead.load.open();
      try {
        return await load({ context, work, platform, report, signal: either, ahead }, stream).finally(() =>
          // what it has unpacked may take the space that even the end of a lease needs
          ahead?.close(),
        );
      } catch (error) {
        work.lease.release();
        if (either.aborted) await context.images.store.collect();
        throw error;
      }
    });
  } catch (error) {
    throw imageError(error);
  }
}

async function load(task: Load, stream: Readable): Promise<LoadResponse> {
  const { context, work, platform, report, signal, ahead } = task;
  const { contents } = context.images.store;
  const archive = await takeArchive(reading(stream, report), { contents, lease: work.lease, signal, ahead });
  const images: StoredImage[] = [];
  for await (const image of imagesOf(archive, platform)) {
    images.push((await nameAgain(task, image)) ?? (await store(task, image)));
  }
  work.lease.release();
  // What no image has need of: files beside the images, layers of one that was here.
  for (const digest of new Set(archive.stored())) await contents.remove(digest);
  return { images };
}

function toldOf(id: string, names: readonly string[], labels: Readonly<Record<string, string>> | undefined): Happening {
  return { action: 'image_load', image: { id, name: names[0] ?? id, labels: labels ?? {} } };
}

async function store(task: Load, image: ArchiveImage): Promise<StoredImage> {
  const { context, work, platform, report, signal, ahead } = task;
  const { what, manifest, files } = image;
  const fetchBlob: FetchBlob = ({ digest }) => {
    const bytes = files.get(digest)?.bytes;
    if (bytes !== undefined) return Promise.resolve({ from: 0, stream: oneOf(bytes) });
    throw new ImageError('blob_not_found', `${what}: the archive has no ${digest}`);
  };
  const { image: stored } = await storeImage(
    context,
    work,
    {
      ...{ what, manifest, fetchBlob, ahead },
      names: image.names.map((name) => ({ name })),
      ...(platform === undefined ? {} : { platform }),
      happenings: ({ id, names, config }) => [toldOf(id, names, config.run.labels)],
    },
    report,
    signal,
  );
  return stored;
}

/**
 * An image that is here under the manifest it was pulled with is not stored again under one that was made of a
 * docker-archive: it gets the names. undefined: it is not here, or not all of it.
 */
async function nameAgain({ context, work, platform }: Load, image: ArchiveImage): Promise<StoredImage | undefined> {
  if (image.isOriginal || platform !== undefined) return undefined;
  const { store } = context.images;
  work.lease.hold(image.config);
  for (const { digest, layers } of manifestsOfId(context, image.config)) {
    work.lease.hold(digest as Digest, ...layers.flatMap(({ blob, layer }) => [blob as Digest, layer as Digest]));
  }
  const found = manifestsOfId(context, image.config).find((manifest) => isWhole(store, manifest));
  return found === undefined ? undefined : name(context, found, image);
}

async function name(context: Context, manifest: ManifestRow, image: ArchiveImage): Promise<StoredImage> {
  const names = image.names.map((text) => familiarText(parseReference(text)));
  const { run } = await imageConfig(context, manifest);
  context.journal.commit(
    ({ images }) => {
      for (const text of image.names) {
        if (images.get(text)?.manifest === manifest.digest) continue;
        images.tag({
          name: text,
          manifest: manifest.digest,
          target: manifest.digest,
          isShared: false,
          taggedAt: nowTimestamp(),
        });
      }
    },
    toldOf(manifest.config, names, run.labels),
  );
  return { id: manifest.config, manifest: manifest.digest, names };
}

async function* oneOf(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield await Promise.resolve(bytes);
}
