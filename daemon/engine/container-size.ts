/** What a container takes of the disk, with its image. */
import type { Digest } from '../images/digest.ts';
import type { ContainerSize } from '../api/engine.ts';
import type { Context } from './context.ts';
import { manifestsOfId } from './images/find.ts';
import { containerUsage } from './storage/container-usage.ts';

/** `root`: what it wrote, and the layers of its image, uncompressed. Throws `container_not_found`. */
export async function containerSize(context: Context, ref: string): Promise<ContainerSize> {
  const container = context.containers.find(ref);
  const { size: written } = await containerUsage(context, container);
  const [manifest] = container.image === undefined ? [] : manifestsOfId(context, container.image.id);
  const layers = new Set((manifest?.layers ?? []).map(({ layer }) => layer));
  let root = written;
  for (const layer of layers) root += context.registry.imageContent.layer(layer as Digest)?.size ?? 0;
  return { written, root };
}
