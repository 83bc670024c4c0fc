/** Volumes and images become a container's, in the transaction that makes it true. */
import { isDeepStrictEqual } from 'node:util';
import type { Registry } from '../../registry/registry.ts';
import type { VolumeRow } from '../../registry/volumes.ts';
import { shown } from '../../images/errors.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import type { ImageRoot } from '../from-image/image-root.ts';
import { prepareVolume } from '../volumes/make-volume.ts';
import { takeVolumes } from '../volumes/take.ts';
import type { VolumeWish } from './volume-mount.ts';

export interface WantedVolume {
  readonly row: VolumeRow;
  readonly destination: string;
  /** The row is to be inserted; its directory is there. */
  readonly isNew: boolean;
}

/** Directories of those that are not there yet are made. Throws `disk_full`, and `name_taken` where one was made anew meanwhile. */
export function volumesFor(context: Context, wishes: readonly VolumeWish[]): WantedVolume[] {
  for (const { name, device } of wishes) {
    if (isDeepStrictEqual(context.registry.volumes.get(name)?.device, device)) continue;
    const problem = `volume "${name}" was removed or made anew while the container was made`;
    throw new EngineError('name_taken', problem, { hint: 'try again' });
  }
  const made = new Set<string>();
  return wishes.map(({ name, anonymous, labels, destination }) => {
    const row = context.registry.volumes.get(name);
    if (row !== undefined) return { row, destination, isNew: false };
    // one that is mounted twice is made once
    const isNew = !made.has(name);
    made.add(name);
    return { row: prepareVolume(context, { name, anonymous, labels }), destination, isNew };
  });
}

/** The transaction did not come to be. */
export function giveUpVolumes(context: Context, volumes: readonly WantedVolume[]): void {
  const names = volumes.filter(({ isNew, row }) => isNew && row.unfilled).map(({ row }) => row.name);
  takeVolumes(context, names).discard();
}

/** Throws `image_not_found` for one that was removed since it was found. */
export function recordMounts(
  registry: Registry,
  container: string,
  made: {
    readonly root: ImageRoot | undefined;
    readonly images: readonly ImageRoot[];
    readonly volumes: readonly WantedVolume[];
  },
): void {
  if (made.root !== undefined) recordImage(registry, container, 'root', made.root);
  for (const image of made.images) recordImage(registry, container, 'mount', image);
  for (const { row, destination, isNew } of made.volumes) {
    if (isNew) registry.volumes.insert(row);
    registry.volumes.attach({ container, destination, volume: row.name });
  }
}

function recordImage(
  registry: Registry,
  container: string,
  role: 'root' | 'mount',
  { manifest: { digest }, asked }: ImageRoot,
): void {
  if (registry.images.manifest(digest) === undefined) {
    throw new EngineError('image_not_found', `image "${shown(asked)}" was removed`);
  }
  registry.images.addSnapshot({ container, role, manifest: digest, image: asked });
}
