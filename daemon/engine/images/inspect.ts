/** Everything there is to say about an image. */
import type { ImageDetail, ImageRunConfig } from '../../../shared/api/image.ts';
import { parseJson } from '../../../shared/json.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import type { RunConfig } from '../../images/manifest/image-config.ts';
import { parseManifest, type ImageManifest } from '../../images/manifest/manifest.ts';
import type { ManifestRow } from '../../registry/images.ts';
import { platformText } from '../../images/manifest/platform.ts';
import { configDocument, findImage, imageConfig, platformOf, type ImageContext } from './find.ts';
import { imageError } from './image-error.ts';
import { layerTable, summaryOf } from './summary.ts';

/** Throws as findImage(), and `store_damaged`, `blob_not_found` where its documents are lost. */
export async function inspectImage(context: ImageContext, ref: string): Promise<ImageDetail> {
  const { manifest: row } = findImage(context, ref);
  const config = await imageConfig(context, row);
  const [document, manifest] = await documentsOf(context, row);
  const { author } = config;
  return {
    ...(await summaryOf(context, layerTable(context), row)),
    mediaType: row.mediaType,
    ...(author === undefined ? {} : { author }),
    config: runShown(config.run),
    layers: row.layers.map(({ blob, layer }, index) => {
      const unpacked = context.registry.imageContent.layer(layer as Digest);
      const descriptor = manifest.layers[index];
      return {
        diffId: config.diffIds[index] ?? layer,
        blob,
        mediaType: descriptor?.mediaType ?? '',
        compressedSize: descriptor?.size ?? 0,
        size: unpacked?.size ?? 0,
      };
    }),
    document,
  };
}

/** What a container takes of it. Throws as findImage(), and `store_damaged`, `blob_not_found`. */
export async function imageToRun(
  context: ImageContext,
  ref: string,
  platform: string | undefined,
): Promise<{ id: string; platform: string; run: ImageRunConfig }> {
  try {
    await context.images.work.ready();
    const { manifest } = findImage(context, ref, platform);
    const { run } = await imageConfig(context, manifest);
    return { id: manifest.config, platform: platformText(platformOf(manifest)), run: runShown(run) };
  } catch (error) {
    throw imageError(error, 'image');
  }
}

async function documentsOf(context: ImageContext, row: ManifestRow): Promise<[unknown, ImageManifest]> {
  try {
    const config = await configDocument(context, row.config);
    const bytes = await context.images.store.contents.read(row.digest as Digest, DOCUMENT_BYTES_MAX);
    const manifest = parseManifest(bytes, row.mediaType, `manifest ${row.digest}`);
    if (manifest.kind === 'index') throw new ImageError('store_damaged', `manifest ${row.digest} is an index`);
    return [parseJson(config.toString()), manifest];
  } catch (error) {
    throw imageError(error);
  }
}

/** The same, with lists of the response's own. */
function runShown(run: RunConfig): ImageRunConfig {
  return structuredClone(run) as ImageRunConfig;
}
