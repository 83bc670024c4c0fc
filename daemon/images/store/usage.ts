/** What contents take of the disk: blobs as registries have them, and what waits to be resumed or collected. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreParts } from './store-parts.ts';

export interface ContentUsage {
  /** Blobs, unfinished ones, and unpacked layers that no image has. */
  readonly total: number;
  /** Blobs that an image has need of. */
  readonly active: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes of what no image has need of; a running pull may have. */
  readonly reclaimable: number;
}

/** `layersInUse`: ids. Throws errors of fs and of the registry. */
export async function contentUsage(parts: StoreParts, layersInUse: ReadonlySet<string>): Promise<ContentUsage> {
  const { places, records, contents, layers } = parts;
  const needed = new Set<string>(records.manifests().flatMap((row) => [row.digest, row.config, ...row.layers]));
  const blobs = contents.list();
  const active = blobs.filter(({ digest }) => needed.has(digest));
  const unused = layers.list().filter(({ id }) => !layersInUse.has(id));
  const partSizes = (await contents.parts()).map(async (name) => {
    const status = await lstat(join(places.ingest, name)).catch(() => undefined);
    return status?.size ?? 0;
  });
  const pending = await Promise.all(partSizes);
  const kept = sum(active.map(({ size }) => size));
  const all = sum(blobs.map(({ size }) => size)) + sum(unused.map(({ size }) => size)) + sum(pending);
  return {
    total: blobs.length + unused.length + pending.length,
    active: active.length,
    size: all,
    reclaimable: all - kept,
  };
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
