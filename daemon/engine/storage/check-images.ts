/** The part of the check that is about images: their store, and layers that are to be unpacked again. */
import type { Digest } from '../../images/digest.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import type { Finding } from '../../images/store/findings.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import { storeImage } from '../images/store-image.ts';
import { shownName } from '../images/summary.ts';
import { DETAILS, type SystemFinding } from './findings.ts';

/** Reads every blob. Throws errors of fs and of the registry. */
export async function checkImages(context: Context, repair: boolean): Promise<SystemFinding[]> {
  const { store, work } = context.images;
  const found = await work.run(undefined, (signal) => store.check({ repair, signal }));
  const told = new Set(found.map(({ subject }) => subject));
  const lost = lostLayers(context);
  const unpacked = repair ? await unpackAgain(context, lost) : new Set<string>();
  return [
    ...found.map((finding) => shown(context, finding)),
    // of those that were found missing just now there is one finding already
    ...[...lost.keys()]
      .filter((layer) => !told.has(layer))
      .map((layer) => ({
        kind: 'layer_lost',
        what: layer,
        detail: DETAILS.layer_lost,
        repaired: unpacked.has(layer),
        images: namesOf(context, layer),
      })),
  ];
}

/** Repaired: the image is whole again. That a loss is known by now is not enough. */
function shown(context: Context, { kind, subject, isRepaired, images }: Finding): SystemFinding {
  const { imageContent } = context.registry;
  const digest = subject as Digest;
  const isLost = imageContent.blob(digest)?.state === 'missing' || imageContent.layer(digest)?.state === 'missing';
  return {
    kind,
    what: subject,
    detail: DETAILS[kind],
    repaired: isRepaired && !isLost,
    images: images.map(shownName),
  };
}

function namesOf(context: Context, digest: string): string[] {
  return context.registry.imageContent.namesOf(digest as Digest).map(shownName);
}

/** Images that have layers which are not unpacked, by the layers' ids. */
function lostLayers({ registry }: Pick<Context, 'registry'>): Map<string, ManifestRow> {
  const missing = new Set<string>(
    registry.imageContent
      .layers()
      .filter(({ state }) => state === 'missing')
      .map(({ id }) => id),
  );
  const lost = new Map<string, ManifestRow>();
  if (missing.size === 0) return lost;
  for (const manifest of registry.images.manifests()) {
    for (const { layer } of manifest.layers) if (missing.has(layer)) lost.set(layer, manifest);
  }
  return lost;
}

/** Stores the images once more from the blobs that are here; ids of the layers that are there again. */
async function unpackAgain(context: Context, lost: ReadonlyMap<string, ManifestRow>): Promise<Set<string>> {
  for (const manifest of new Set(lost.values())) {
    try {
      await storeAgain(context, manifest);
    } catch (error) {
      // the finding says that it is not repaired
      context.log.warn({ err: error, manifest: manifest.digest }, 'an image could not be unpacked again');
    }
  }
  const { imageContent } = context.registry;
  return new Set([...lost.keys()].filter((layer) => imageContent.layer(layer as Digest)?.state === 'ready'));
}

async function storeAgain(context: Context, { digest, mediaType }: ManifestRow): Promise<void> {
  const { contents } = context.images.store;
  const bytes = await contents.read(digest as Digest, DOCUMENT_BYTES_MAX);
  const descriptor = { mediaType, digest: digest as Digest, size: bytes.length };
  await context.images.work.leased(`check ${digest}`, undefined, (work, signal) =>
    storeImage(
      context,
      work,
      { manifest: { descriptor, bytes }, what: `image ${digest}`, names: [] },
      () => undefined,
      signal,
    ),
  );
}
