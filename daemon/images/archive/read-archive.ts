/** The images of an archive in either form, docker-archive or oci-archive, plain or compressed, from a stream. */
import { ImageError } from '../errors.ts';
import type { Platform } from '../manifest/platform.ts';
import { decompressed } from '../unpack/decompress.ts';
import type { ArchiveImage } from './archive-image.ts';
import { ArchiveContents, type TakeOptions } from './contents.ts';
import { DOCKER_MANIFEST_NAME, checkNotOld, dockerImages } from './docker-archive.ts';
import { INDEX_NAME, LAYOUT_NAME, ociImages } from './oci-archive.ts';

/**
 * Takes in all of the archive before it gives anything. Throws what ArchiveContents.take() does, and ImageError
 * archive_invalid where it is no image archive.
 */
export async function takeArchive(source: AsyncIterable<Buffer>, options: TakeOptions): Promise<ArchiveContents> {
  try {
    return await ArchiveContents.take(decompressed(source, 'detect', options.signal), options);
  } catch (error) {
    // compression that is not sound, in words about layers
    if (!(error instanceof ImageError) || error.code !== 'layer_invalid') throw error;
    throw new ImageError('archive_invalid', error.message.replace(/^the layer\b/, 'the archive'), { cause: error });
  }
}

/**
 * In order, each read when it is asked for. Where an archive has both forms, as docker writes it since version 25, the
 * OCI layout counts: it has the manifests. Throws as dockerImages() and ociImages().
 */
export function imagesOf(archive: ArchiveContents, wanted: Platform | undefined): AsyncGenerator<ArchiveImage> {
  const has = (name: string): boolean => archive.find(name) !== undefined;
  if (has(LAYOUT_NAME) && has(INDEX_NAME)) return ociImages(archive, wanted);
  if (has(DOCKER_MANIFEST_NAME)) return dockerImages(archive);
  checkNotOld(archive);
  throw new ImageError(
    'archive_invalid',
    'it is no image archive: it has neither manifest.json nor index.json of an OCI image layout',
  );
}
