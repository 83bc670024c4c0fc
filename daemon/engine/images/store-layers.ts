/** The contents of one image on their way into the store: fetched a few at a time, layers unpacked as they are there. */
import { rename } from 'node:fs/promises';
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import type { Descriptor } from '../../images/manifest/descriptor.ts';
import { DOCUMENT_BYTES_MAX } from '../../images/manifest/fields.ts';
import { chainIds } from '../../images/manifest/chain-ids.ts';
import { layerType } from '../../images/manifest/media-types.ts';
import { DEFAULT_LIMITS } from '../../images/registry/limits.ts';
import type { Source } from '../../images/store/fill-part.ts';
import type { LayerKey, Unpacked } from '../../images/store/layer-store.ts';
import type { LayerRow } from '../../images/store/records.ts';
import type { OnWritten } from '../../images/store/take-new.ts';
import type { ManifestLayer } from '../../registry/images.ts';
import type { Report } from '../../api/engine.ts';
import type { MovingContext } from './context.ts';
import { Slots } from './slots.ts';
import type { FetchBlob, ImageToStore } from './store-image.ts';
import type { LeasedWork } from './work.ts';

/** Blobs of one image under way at the same time. */
const FETCHES_MAX = 4;

const GIB = 1024 ** 3;
/**
 * What a layer may become: gzip and zstd make gigabytes of some kilobytes, and entries without content take inodes. What
 * people build stays far below.
 */
export const unpackedMost = (compressed: number) => ({ size: 8 * GIB + 128 * compressed, entries: 4_000_000 });

type LayerStatus = 'waiting' | 'retrying' | 'downloading' | 'unpacking' | 'done' | 'exists';
type Tell = (status: LayerStatus, current?: number) => void;

interface Ingesting {
  readonly tell: Tell;
  readonly signal: AbortSignal;
  readonly onWritten?: OnWritten;
}

export interface StoringParts {
  readonly context: MovingContext;
  readonly work: LeasedWork;
  readonly image: ImageToStore;
  readonly report: Report;
}

export class StoringLayers {
  /** Bytes that came from elsewhere. */
  fetched = 0;
  private readonly parts: StoringParts;
  private readonly slots = new Slots(FETCHES_MAX);

  constructor(parts: StoringParts) {
    this.parts = parts;
  }

  /** A small blob, such as the configuration. */
  async document(descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    await this.fetch(descriptor, signal, undefined);
    return this.parts.context.images.store.contents.read(descriptor.digest, DOCUMENT_BYTES_MAX);
  }

  /** All layers, the lowest first; the first failure ends the others. */
  async store(
    layers: readonly Descriptor[],
    diffIds: readonly Digest[],
    signal: AbortSignal,
  ): Promise<ManifestLayer[]> {
    const { image, context } = this.parts;
    const { limits = DEFAULT_LIMITS } = context.images;
    for (const { digest, size } of layers) {
      if (size <= limits.blobBytesMax) continue;
      const problem = `it is to be ${size} bytes long, more than ${limits.blobBytesMax}`;
      throw new ImageError('too_large', `${image.what}: blob ${digest}: ${problem}`);
    }
    await context.images.store.contents.checkRoom(layers, image.what);
    const chain = chainIds(diffIds);
    const failing = new AbortController();
    const either = AbortSignal.any([signal, failing.signal]);
    const rows: Promise<LayerRow>[] = [];
    for (const [index, descriptor] of layers.entries()) {
      const [diffId, chainId] = [diffIds[index], chain[index]];
      if (diffId === undefined || chainId === undefined) throw new RangeError('each layer has a diff id');
      const below = rows.slice();
      rows.push(this.layer(descriptor, { diffId, chainId }, below, either));
    }
    for (const row of rows) {
      row.catch((error: unknown) => {
        failing.abort(error);
      });
    }
    await Promise.allSettled(rows);
    if (failing.signal.aborted) throw failing.signal.reason;
    const made = await Promise.all(rows);
    return made.map(({ id }, index) => ({ blob: layers[index]?.digest ?? id, layer: id }));
  }

  private async layer(
    descriptor: Descriptor,
    key: LayerKey,
    below: readonly Promise<LayerRow>[],
    signal: AbortSignal,
  ): Promise<LayerRow> {
    const { context, work } = this.parts;
    const { layers } = context.images.store;
    const fetched = await this.fetch(descriptor, signal, key);
    const there = layers.find(key);
    const fill = (directory: string): Promise<Unpacked> => this.unpack(descriptor, key, directory, below, signal);
    // also where it is there: from now on it is held by the lease, and stays
    const row = await layers.make(work.lease, key, fill, signal);
    this.tell(fetched === 0 && there !== undefined ? 'exists' : 'done', descriptor);
    return row;
  }

  /** `key`: of a layer. */
  private async fetch(descriptor: Descriptor, signal: AbortSignal, key: LayerKey | undefined): Promise<number> {
    const { contents } = this.parts.context.images.store;
    const tell: Tell =
      key === undefined ? () => undefined : (status, current) => this.tell(status, descriptor, current);
    if (!contents.has(descriptor.digest)) tell('waiting');
    return this.slots.run(signal, async () => {
      const { fetchBlob, refetchBlob } = this.parts.image;
      const ingest = (from: FetchBlob | undefined): Promise<number> =>
        this.followed(descriptor, key, (more) => this.ingest(descriptor, from, { tell, signal, ...more }));
      let fetched: number;
      try {
        fetched = await ingest(fetchBlob);
      } catch (error) {
        if (refetchBlob === undefined || !isMismatch(error)) throw error;
        tell('retrying');
        fetched = await ingest(refetchBlob);
      }
      this.fetched += fetched;
      return fetched;
    });
  }

  /** A layer that is not there is unpacked while `ingest` writes it. */
  private async followed(
    descriptor: Descriptor,
    key: LayerKey | undefined,
    ingest: (more: { readonly onWritten?: OnWritten }) => Promise<number>,
  ): Promise<number> {
    const { context, image } = this.parts;
    if (key === undefined || image.ahead === undefined || context.images.store.layers.find(key) !== undefined) {
      return ingest({});
    }
    const { compression } = layerType(descriptor.mediaType, image.what);
    const following = image.ahead.follow(descriptor.size, () => compression);
    try {
      const fetched = await ingest({ onWritten: following.written });
      following.end(descriptor.digest);
      return fetched;
    } catch (error) {
      following.leave();
      throw error;
    }
  }

  private async ingest(descriptor: Descriptor, from: FetchBlob | undefined, options: Ingesting): Promise<number> {
    const { tell, signal, ...more } = options;
    const { context, work, image } = this.parts;
    const what = `${image.what}: blob ${descriptor.digest}`;
    const source: Source = (position, either) => {
      if (from !== undefined) return from(descriptor, position, either);
      throw new ImageError('blob_not_found', `${what} is not there`);
    };
    let counted = 0;
    const onProgress = (size: number): void => {
      work.bytes += Math.max(0, size - counted);
      counted = size;
      tell('downloading', size);
    };
    const { fetched } = await context.images.store.contents.ingest(work.lease, descriptor, source, {
      ...{ what, signal, onProgress },
      ...more,
    });
    return fetched;
  }

  private async unpack(
    descriptor: Descriptor,
    { diffId }: LayerKey,
    directory: string,
    below: readonly Promise<LayerRow>[],
    signal: AbortSignal,
  ): Promise<Unpacked> {
    const { context, image } = this.parts;
    const { store, unpacker } = context.images;
    const { compression } = layerType(descriptor.mediaType, image.what);
    try {
      const source = store.contents.path(descriptor.digest);
      const progress = ({ read }: { read: number }): void => {
        this.tell('unpacking', descriptor, read);
      };
      const limits = unpackedMost(descriptor.size);
      if (image.ahead !== undefined) this.tell('unpacking', descriptor);
      const ahead = await image.ahead?.take(descriptor.digest, diffId);
      if (ahead !== undefined) await rename(ahead.directory, directory);
      // what is not compressed was hashed as it came into the store
      const verify = compression === 'none' && descriptor.digest === diffId ? { hash: false } : { diffId };
      const { size, implied, rootDescribed, rootOpaque } =
        ahead?.layer ??
        (await unpacker.unpackLayer({ source, compression, directory, signal, progress, limits, ...verify }));
      const dependsOnLower = implied.length > 0 || !rootDescribed;
      if (dependsOnLower && !rootOpaque && below.length > 0) {
        const parents = await this.directoriesOf(below);
        await unpacker.describe({ directory, parents, implied, root: !rootDescribed }, signal);
      }
      return { size, dependsOnLower, hidesLower: rootOpaque };
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      throw new ImageError(error.code, `${image.what}: blob ${descriptor.digest}: ${error.message}`, { cause: error });
    }
  }

  /** Of the layers below as a mount would have them, the topmost first. */
  private async directoriesOf(below: readonly Promise<LayerRow>[]): Promise<string[]> {
    const { layers } = this.parts.context.images.store;
    const directories: string[] = [];
    for (const { id, hidesLower } of (await Promise.all(below)).reverse()) {
      directories.push(layers.layerDirectory(id));
      if (hidesLower) break;
    }
    return directories;
  }

  private tell(status: LayerStatus, { digest, size }: Descriptor, current?: number): void {
    const position = current === undefined ? {} : { current, total: size };
    this.parts.report({ status, image: this.parts.image.what, layer: digest, ...position });
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof ImageError && (error.code === 'digest_mismatch' || error.code === 'size_mismatch');
}
