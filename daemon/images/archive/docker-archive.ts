/**
 * Archives of `docker save`: manifest.json lists the images, each with the name of its configuration and those of its
 * layers, the lowest first (moby, image/tarexport; containers/image, docker/internal/tarfile). They have no manifests;
 * one is made here, the same for the same image. The layers are tar archives, which some writers compress.
 */
import { ImageError, shown } from '../errors.ts';
import { Fields } from '../manifest/fields.ts';
import { checkLayerCount, parseImageConfig } from '../manifest/image-config.ts';
import { LAYERS_MAX, encodeManifest, type ImageManifest } from '../manifest/manifest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, OCI_MANIFEST } from '../manifest/media-types.ts';
import { compressionOf } from '../unpack/decompress.ts';
import { IMAGES_MAX, archiveName, imageTitle, type ArchiveImage } from './archive-image.ts';
import type { ArchiveContents } from './contents.ts';
import { nameOfText } from './names.ts';

export const DOCKER_MANIFEST_NAME = 'manifest.json';
const NAMES_MAX = 1000;
const LAYER_TYPES = { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD } as const;

/** In order. Throws ImageError archive_invalid, manifest_invalid, invalid_reference, too_large, store_damaged. */
export async function* dockerImages(archive: ArchiveContents): AsyncGenerator<ArchiveImage> {
  const bytes = await archive.document(archive.get(DOCKER_MANIFEST_NAME), DOCKER_MANIFEST_NAME);
  // A list is the one thing that Fields does not begin with.
  const wrapped = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from('}')]);
  const fields = Fields.parse(wrapped, DOCKER_MANIFEST_NAME, 'archive_invalid');
  const images = fields.required('images', fields.objects('images', IMAGES_MAX));
  if (images.length === 0) fields.refuse('images', 'are none');
  for (const [index, image] of images.entries()) yield dockerImage(archive, image, index);
}

async function dockerImage(archive: ArchiveContents, fields: Fields, index: number): Promise<ArchiveImage> {
  const names = (fields.texts('RepoTags', NAMES_MAX) ?? []).map(archiveName);
  const what = imageTitle(names, index);
  const configName = fields.required('Config', fields.text('Config'));
  const configFile = archive.get(nameOfText(configName));
  const config = await archive.document(configFile, `${what}: its configuration`);
  const layers = (fields.texts('Layers', LAYERS_MAX) ?? []).map((name) => archive.get(nameOfText(name)));
  const manifest: ImageManifest = {
    kind: 'manifest',
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: configFile.digest, size: configFile.size },
    layers: layers.map(({ digest, size, head }) => ({ mediaType: LAYER_TYPES[compressionOf(head)], digest, size })),
  };
  checkLayerCount(manifest, parseImageConfig(config, `${what}: its configuration ${shown(configName)}`), what);
  const encoded = encodeManifest(manifest);
  return {
    ...{ what, names, isOriginal: false, config: configFile.digest },
    manifest: { descriptor: encoded.descriptor, bytes: encoded.bytes },
    files: new Map([configFile, ...layers].map((file) => [file.digest, file])),
  };
}

/** An archive of docker before 1.10 has these, and no manifest.json. */
export function checkNotOld(archive: ArchiveContents): void {
  if (archive.find('repositories') === undefined) return;
  throw new ImageError('archive_invalid', 'it is an archive of docker before 1.10: save it anew with a later one');
}
