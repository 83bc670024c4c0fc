/**
 * Unpacked layers: <root>/images/layers/<hex>/fs, made under another name and renamed when whole. `<hex>` is of the diff
 * id, or of the chain id where what is unpacked depends on the layers below (LayerRow.id).
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import type { BootStamps } from './boot-stamps.ts';
import { asImageError } from './disk-full.ts';
import type { Lease } from './lease.ts';
import type { ContentRecords, LayerRow } from './records.ts';
import { DIRECTORY_MODE, type StorePlaces } from './store-places.ts';
import type { Trash } from './trash.ts';
import { Turns } from './turns.ts';

/** Where a layer is in an image. The chain id of the lowest is its diff id. */
export interface LayerKey {
  readonly diffId: Digest;
  readonly chainId: Digest;
}

/** Said by who unpacked it, as LayerRow has it. */
export type Unpacked = Pick<LayerRow, 'size' | 'dependsOnLower' | 'hidesLower'>;

export interface StagedPlace {
  readonly directory: string;
  readonly discard: () => Promise<void>;
}

export interface LayerStoreOptions {
  readonly places: StorePlaces;
  readonly records: ContentRecords;
  readonly trash: Trash;
  readonly stamps: BootStamps;
}

export class LayerStore {
  /** By id: whoever puts a layer in its place or takes it away has its turn. */
  readonly turns = new Turns();
  /** By chain id, which orders them: a layer may wait for those below it while it has its turn, and never for one above. */
  private readonly unpacking = new Turns();
  private readonly temporary = new Set<string>();
  private readonly places: StorePlaces;
  private readonly records: ContentRecords;
  private readonly trash: Trash;
  private readonly stamps: BootStamps;

  constructor(options: LayerStoreOptions) {
    this.places = options.places;
    this.records = options.records;
    this.trash = options.trash;
    this.stamps = options.stamps;
  }

  /** The layer that is unpacked, whichever way. */
  find({ diffId, chainId }: LayerKey): LayerRow | undefined {
    const free = this.records.layer(diffId);
    // as the lowest layer it has its diff id for a chain id, and is of no use higher up if it depends on what is below
    if (free?.state === 'ready' && (!free.dependsOnLower || chainId === diffId)) return free;
    const bound = this.records.layer(chainId);
    return bound?.state === 'ready' && bound.diffId === diffId ? bound : undefined;
  }

  isReady(id: Digest): boolean {
    return this.records.layer(id)?.state === 'ready';
  }

  /** Bytes of its uncompressed archive. Throws ImageError blob_not_found. */
  sizeOf(id: Digest): number {
    const row = this.records.layer(id);
    if (row?.state === 'ready') return row.size;
    throw new ImageError('blob_not_found', `layer ${id} is not unpacked`);
  }

  list(): LayerRow[] {
    return this.records.layers().filter(({ state }) => state === 'ready');
  }

  /** The layer's root, a lower directory of overlays. Throws ImageError blob_not_found. */
  layerDirectory(id: Digest): string {
    if (this.records.layer(id)?.state === 'ready') return this.places.layerRoot(id);
    throw new ImageError('blob_not_found', `layer ${id} is not unpacked`);
  }

  /**
   * Gives the layer, unless it is there unpacked by `fill` into a directory that it makes; whoever comes second waits.
   * Throws ImageError disk_full, what `fill` throws (nothing is kept then), the signal's reason, errors of fs.
   */
  async make(
    lease: Lease,
    key: LayerKey,
    fill: (directory: string) => Promise<Unpacked>,
    signal?: AbortSignal,
  ): Promise<LayerRow> {
    lease.hold(key.diffId, key.chainId);
    return this.unpacking.run(key.chainId, async () => this.find(key) ?? (await this.unpack(key, fill)), signal);
  }

  /**
   * A place for a layer that is unpacked before it is known what it is a layer of: `directory` is to be made, and may be
   * moved from there by who fills in make(). Whoever asked for it discards it.
   */
  async stage(): Promise<StagedPlace> {
    const name = randomBytes(16).toString('hex');
    const path = join(this.places.unpack, name);
    this.temporary.add(name);
    await mkdir(path, { mode: DIRECTORY_MODE });
    return {
      directory: join(path, 'fs'),
      discard: async () => {
        await this.trash.discard(path);
        this.temporary.delete(name);
      },
    };
  }

  /** Names in the directory of unfinished layers that nobody is at work on. */
  async leftOvers(): Promise<string[]> {
    return (await readdir(this.places.unpack)).filter((name) => !this.temporary.has(name));
  }

  private async unpack(key: LayerKey, fill: (directory: string) => Promise<Unpacked>): Promise<LayerRow> {
    const name = randomBytes(16).toString('hex');
    const path = join(this.places.unpack, name);
    this.temporary.add(name);
    try {
      await mkdir(path, { mode: DIRECTORY_MODE });
      const { size, dependsOnLower, hidesLower } = await fill(join(path, 'fs'));
      const id = dependsOnLower ? key.chainId : key.diffId;
      return await this.publish(path, { id, diffId: key.diffId, dependsOnLower, hidesLower, size });
    } catch (error) {
      throw asImageError(error, `layer ${key.diffId}`);
    } finally {
      // the renamed one is gone from here
      await this.trash.discard(path);
      this.temporary.delete(name);
    }
  }

  private publish(path: string, layer: Omit<LayerRow, 'state'>): Promise<LayerRow> {
    return this.turns.run(layer.id, async () => {
      const there = this.records.layer(layer.id);
      // another image has the same layer higher up, and was faster
      if (there?.state === 'ready') return there;
      const place = this.places.layer(layer.id);
      // without a row it is what a crash left
      await this.trash.discard(place);
      await rename(path, place);
      try {
        this.records.recordLayer(layer, this.stamps.next());
      } catch (error) {
        await this.trash.discard(place);
        throw error;
      }
      return { ...layer, state: 'ready' };
    });
  }
}

/** The id that a name in the layers' directory stands for. */
export function layerIdOfName(name: string): Digest | undefined {
  const id = `${name.length === 64 ? 'sha256' : 'sha512'}:${name}`;
  return isDigest(id) ? id : undefined;
}
