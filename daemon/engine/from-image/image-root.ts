/** The image that a container is made of, or has mounted: its rows, its configuration, and its layers as directories. */
import type { ImageConfig } from '../../images/manifest/image-config.ts';
import type { Digest } from '../../images/digest.ts';
import { platformText } from '../../images/manifest/platform.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { findImage, imageConfig } from '../images/find.ts';
import { imageError } from '../images/image-error.ts';

/** What overlayfs takes: OVL_MAX_STACK of fs/overlayfs/params.h. */
export const LAYERS_MAX = 500;

export interface ImageRoot {
  /** As it was asked for. */
  readonly asked: string;
  readonly manifest: ManifestRow;
  readonly config: ImageConfig;
  /** Directories of its layers, the topmost first, without those that nothing is seen of. */
  readonly layers: readonly string[];
}

/**
 * @param field - of the request, for errors
 * @throws EngineError `image_not_found`, `ambiguous_reference`, `no_such_platform`, `unsupported`, `store_damaged`
 */
export async function imageRoot(
  context: Context,
  asked: string,
  platform: string | undefined,
  field: string,
): Promise<ImageRoot> {
  try {
    await context.images.work.ready();
    const { manifest } = findImage(context, asked, platform);
    const config = await imageConfig(context, manifest);
    const layers = layerDirectories(context, manifest);
    if (layers.length <= LAYERS_MAX) return { asked, manifest, config, layers };
    throw new EngineError(
      'unsupported',
      `${field}: image "${asked}" has ${layers.length} layers, overlayfs takes ${LAYERS_MAX}`,
      { field },
    );
  } catch (error) {
    throw imageError(error, field);
  }
}

/** Directories of the layers, the topmost first; those below one that hides them are left out. Throws ImageError blob_not_found. */
export function layerDirectories(context: Context, { layers }: ManifestRow): string[] {
  const directories: string[] = [];
  for (const { layer } of layers.toReversed()) {
    const id = layer as Digest;
    directories.push(context.images.store.layers.layerDirectory(id));
    if (context.registry.imageContent.layer(id)?.hidesLower === true) break;
  }
  return directories;
}

/** What is not wrong, but hardly meant. */
export function platformWarnings(context: Context, { asked, config }: ImageRoot): string[] {
  const [image, host] = [config.platform, context.images.platform];
  if (image.os === host.os && image.architecture === host.architecture) return [];
  return [`image "${asked}" is for ${platformText(image)}, this machine is ${platformText(host)}`];
}
