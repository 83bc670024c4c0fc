/** What need not be fetched again. */
import type { StoredImage } from '../../../shared/api/image.ts';
import type { Digest } from '../../images/digest.ts';
import { acceptable, platformText, type Platform } from '../../images/manifest/platform.ts';
import type { ImageStore } from '../../images/store/image-store.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import { platformOf } from './find.ts';

/**
 * The image that has the name now, if it is what the registry calls `target`, runs as `wanted`, and all of it is here.
 * The names are left empty.
 */
export function storedImage(
  { registry, images: { store } }: Pick<Context, 'registry' | 'images'>,
  name: string,
  target: Digest,
  wanted: Platform,
): StoredImage | undefined {
  const { images } = registry;
  const row = images.get(name);
  const manifest = row === undefined ? undefined : images.manifest(row.manifest);
  if (row?.target !== target || manifest === undefined) return undefined;
  // only what it is for exactly: something better may be in the index
  const [best] = acceptable(wanted);
  const isWanted = manifest.digest === target || (best !== undefined && isSame(platformOf(manifest), best));
  if (!isWanted || !acceptable(wanted).some((platform) => isSame(platformOf(manifest), platform))) return undefined;
  return isWhole(store, manifest) ? { id: manifest.config, manifest: manifest.digest, names: [] } : undefined;
}

/** All of its contents are here, and its layers unpacked. */
export function isWhole({ contents, layers }: ImageStore, manifest: ManifestRow): boolean {
  const blobs = [manifest.digest, manifest.config, ...manifest.layers.map(({ blob }) => blob)];
  return (
    blobs.every((digest) => contents.has(digest as Digest)) &&
    manifest.layers.every(({ layer }) => layers.isReady(layer as Digest))
  );
}

function isSame(left: Platform, right: Platform): boolean {
  return platformText(left) === platformText(right);
}
