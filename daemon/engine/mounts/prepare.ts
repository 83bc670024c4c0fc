/** The mounts of a container that is being created: those it asks for, and the volumes that its image wants. */
import { posix } from 'node:path';
import type { CreateRequest } from '../../../shared/api/container.ts';
import type { MountSource } from '../../runtime/plan/target.ts';
import type { Mount } from '../../runtime/spec/types.ts';
import type { Context } from '../context.ts';
import type { ImageRoot } from '../from-image/image-root.ts';
import { imageVolumes } from '../from-image/merge-config.ts';
import { mountedImage } from './image-mount.ts';
import { type AskedMount, bindOf, checkMount, invalid, mountOf } from './mount-of-request.ts';
import { type VolumeWish, volumeMount } from './volume-mount.ts';

/** A mount of the spec. */
export interface PlacedMount {
  readonly mount: Mount;
  /** Its index in the request's; undefined: the image wants it. */
  readonly from: number | undefined;
}

export interface PreparedMounts {
  readonly placed: readonly PlacedMount[];
  readonly sources: readonly MountSource[];
  readonly volumes: readonly VolumeWish[];
  readonly images: readonly ImageRoot[];
}

interface Collected {
  readonly placed: PlacedMount[];
  readonly sources: MountSource[];
  readonly volumes: VolumeWish[];
  readonly images: ImageRoot[];
}

/** Throws EngineError: `invalid_field`, `image_unsupported`, and what finding an image throws. */
export async function prepareMounts(
  context: Context,
  request: CreateRequest,
  id: string,
  image: ImageRoot | undefined,
): Promise<PreparedMounts> {
  const all: Collected = { placed: [], sources: [], volumes: [], images: [] };
  for (const [index, mount] of (request.mounts ?? []).entries()) await addAsked(context, all, { mount, index, id });
  const taken = new Set(all.placed.map(({ mount }) => posix.resolve(mount.destination)));
  for (const target of image === undefined ? [] : imageVolumes(image)) {
    if (taken.has(target)) continue;
    const { mount, wish } = volumeMount(context, { type: 'volume', target });
    all.volumes.push(wish);
    all.placed.splice(placeFor(target, all.placed), 0, { mount, from: undefined });
  }
  return all;
}

async function addAsked(
  context: Context,
  all: Collected,
  { mount, index, id }: { mount: AskedMount; index: number; id: string },
): Promise<void> {
  const field = `mounts[${index}]`;
  checkMount(mount, field);
  if (mount.type === 'volume') {
    const { mount: bind, wish, source } = volumeMount(context, mount);
    if (all.volumes.some(({ destination }) => destination === wish.destination)) {
      throw invalid(`${field}.target`, `${mount.target} is another volume's`);
    }
    all.volumes.push(wish);
    if (source !== undefined) all.sources.push(source);
    all.placed.push({ mount: bind, from: index });
  } else if (mount.type === 'image') {
    const { image, source, bind } = await mountedImage(context, mount, { index, id });
    all.images.push(image);
    if (source !== undefined) all.sources.push(source);
    all.placed.push({ mount: bindOf({ ...mount, readonly: mount.readonly !== false }, bind), from: index });
  } else {
    all.placed.push({ mount: mountOf(mount, index), from: index });
  }
}

/** After the last mount that it lies in, and so before those that lie in it. */
function placeFor(target: string, placed: readonly PlacedMount[]): number {
  return placed.findLastIndex(({ mount }) => target.startsWith(`${posix.resolve(mount.destination)}/`)) + 1;
}
