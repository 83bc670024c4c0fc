/**
 * Gives the disk back. The rows of what nothing has need of go first, in one transaction; in the same step of the event
 * loop a place is taken in the queue of each digest, so that whoever wants such content from then on waits until its
 * file is away and fetches it anew. A crash in between leaves files without rows, and the sweep finds those.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nowTimestamp } from '../../../shared/time.ts';
import { isDigest, type Digest } from '../digest.ts';
import { layerIdOfName } from './layer-store.ts';
import type { StorePlaces } from './store-places.ts';
import type { StoreParts } from './store-parts.ts';

export interface CollectOptions {
  /** Images without a name, a container or a lease go too; false if not said. */
  readonly dangling?: boolean;
  /** What failed pulls left to be resumed goes too; false if not said. */
  readonly dropKept?: boolean;
}

export interface Collected {
  readonly manifests: readonly Digest[];
  readonly layers: readonly Digest[];
  readonly blobs: readonly Digest[];
  /** Bytes of the layers and blobs. */
  readonly size: number;
}

/** Throws errors of fs and of the registry. May be called again at any time. */
export async function collect(parts: StoreParts, options: CollectOptions = {}): Promise<Collected> {
  const { places, records, trash, contents, layers } = parts;
  const { dangling = false, dropKept = false } = options;
  const taken = records.takeUnreferenced({ now: nowTimestamp(), dangling, dropKept });
  const renamed = [
    ...taken.blobs.map(({ digest }) => contents.turns.run(digest, () => trash.take(places.blob(digest)))),
    ...taken.layers.map(({ id }) => layers.turns.run(id, () => trash.take(places.layer(id)))),
  ];
  // the turn is over with the rename; deleting takes as long as it takes
  await Promise.all(renamed.map(async (taking) => (await taking)()));
  await sweep(parts);
  return {
    manifests: taken.manifests,
    layers: taken.layers.map(({ id }) => id),
    blobs: taken.blobs.map(({ digest }) => digest),
    size: [...taken.layers, ...taken.blobs].reduce((sum, { state, size }) => sum + (state === 'ready' ? size : 0), 0),
  };
}

/** Deletes what crashes left: what has no row, and no lease that would take it up again. */
export async function sweep(parts: StoreParts): Promise<void> {
  const { places, trash, contents, layers } = parts;
  await trash.empty();
  for (const name of await layers.leftOvers()) await trash.discard(join(places.unpack, name));
  for (const { name, digest } of await contents.idleParts()) await sweepPart(parts, name, digest);
  for (const digest of await blobsOnDisk(places)) {
    if (parts.records.blob(digest)?.state !== 'ready') await sweepBlob(parts, digest);
  }
  for (const name of await readdir(places.layers)) {
    const id = layerIdOfName(name);
    if (id !== undefined && parts.records.layer(id)?.state !== 'ready') await sweepLayer(parts, id);
  }
}

export async function sweepPart({ places, records, trash, contents }: StoreParts, name: string, digest?: Digest) {
  const path = join(places.ingest, name);
  if (digest === undefined) {
    await trash.discard(path);
    return;
  }
  await contents.turns.run(digest, async () => {
    // fetched by now, or left for a resumed pull
    if (contents.has(digest) || !records.isLeased(digest)) await trash.discard(path);
  });
}

export async function sweepBlob({ places, records, trash, contents }: StoreParts, digest: Digest): Promise<void> {
  await contents.turns.run(digest, async () => {
    if (!contents.has(digest) && !records.isLeased(digest)) await trash.discard(places.blob(digest));
  });
}

export async function sweepLayer({ places, records, trash, layers }: StoreParts, id: Digest): Promise<void> {
  await layers.turns.run(id, async () => {
    if (records.layer(id)?.state !== 'ready') await trash.discard(places.layer(id));
  });
}

/** Digests that the names in the blobs' directories stand for; other names are not ours. */
export async function blobsOnDisk(places: StorePlaces): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const algorithm of ['sha256', 'sha512']) {
    for (const name of await readdir(join(places.blobs, algorithm))) {
      const digest = `${algorithm}:${name}`;
      if (isDigest(digest)) found.push(digest);
    }
  }
  return found;
}
