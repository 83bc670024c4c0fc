/**
 * Unpacks layers while they come from a registry, and what may be a layer while it is read from an archive, before it is
 * known to be one: what lists them often comes last. What turns out to be none, or is not sound, is thrown away; whoever
 * needs it then unpacks it from the store, and meets its error there. Nothing of it counts before the digest of all that
 * came was verified.
 *
 * Where the disk is nearly full nothing is unpacked ahead. One pull and one load at a time do so, on threads that whole layers do not wait for: a network or a client that is slow
 * holds up nobody but itself.
 */
import { dirname } from 'node:path';
import type { Digest } from '../digest.ts';
import { ImageError } from '../errors.ts';
import { checkSpace } from '../store/disk-full.ts';
import type { LayerStore, StagedPlace } from '../store/layer-store.ts';
import type { OnWritten } from '../store/take-new.ts';
import { GrowingFile, type Compression, type Limits, type UnpackedLayer, type Unpacker } from '../unpack/unpacker.ts';

export interface LayerAhead {
  /** To be moved away. */
  readonly directory: string;
  readonly layer: UnpackedLayer;
}

interface Ahead {
  readonly place: Promise<StagedPlace>;
  /** Never rejects; undefined or an error where it failed. */
  readonly layer: Promise<UnpackedLayer | ImageError | undefined>;
}

export interface UnpackAheadOptions {
  readonly layers: LayerStore;
  readonly unpacker: Unpacker;
  /** For content of so many bytes. */
  readonly limitsOf: (size: number) => Limits;
  /** Bytes that must be free for content of so many: what is done ahead is not to take what others need to go on. */
  readonly roomOf: (size: number) => number;
  /** Layers under way at a time; of further ones nothing is done. */
  readonly most: number;
}

export class UnpackAhead {
  private readonly options: UnpackAheadOptions;
  private isTaken = false;

  constructor(options: UnpackAheadOptions) {
    this.options = options;
  }

  /** Whoever gets it closes it. undefined: another has it. */
  open(): AheadSession | undefined {
    if (this.isTaken) return undefined;
    this.isTaken = true;
    return new AheadSession(this.options, () => {
      this.isTaken = false;
    });
  }
}

export class AheadSession {
  private readonly options: UnpackAheadOptions;
  private readonly whenOver: () => void;
  private readonly closing = new AbortController();
  private readonly all: Ahead[] = [];
  private readonly named = new Map<Digest, Ahead>();
  private busy = 0;

  constructor(options: UnpackAheadOptions, whenOver: () => void) {
    this.options = options;
    this.whenOver = whenOver;
  }

  /** Of content of `size` bytes on its way into the store. `compression`: asked for once its first bytes are there. */
  follow(size: number, compression: () => Exclude<Compression, 'detect'>): Following {
    return new Following((path, signal) => {
      if (this.busy >= this.options.most || this.closing.signal.aborted) return undefined;
      const file = new GrowingFile(path);
      this.busy++;
      const ahead = this.begin(file, compression(), size, AbortSignal.any([signal, this.closing.signal]));
      this.all.push(ahead);
      return { file, name: (digest) => this.named.set(digest, ahead) };
    });
  }

  /**
   * What was unpacked of the content `digest`; undefined: nothing, or it is not `diffId`. Throws ImageError too_large: it
   * would be as large a second time.
   */
  async take(digest: Digest, diffId: Digest): Promise<LayerAhead | undefined> {
    const ahead = this.named.get(digest);
    const layer = await ahead?.layer;
    if (ahead === undefined || layer === undefined) return undefined;
    if (layer instanceof ImageError) {
      if (layer.code === 'too_large') throw layer;
      return undefined;
    }
    this.named.delete(digest);
    // of what is not compressed the content's digest is the layer's
    if ((layer.diffId ?? digest) !== diffId) return undefined;
    return { directory: (await ahead.place).directory, layer };
  }

  /** Ends what goes on, and takes away what nobody took. Throws errors of fs. */
  async close(): Promise<void> {
    this.closing.abort(new DOMException('nobody waits for it any more', 'AbortError'));
    for (const { place, layer } of this.all) {
      await layer;
      await (await place.catch(() => undefined))?.discard();
    }
    this.whenOver();
  }

  private begin(
    file: GrowingFile,
    compression: Exclude<Compression, 'detect'>,
    size: number,
    signal: AbortSignal,
  ): Ahead {
    const { layers, unpacker, limitsOf, roomOf } = this.options;
    const place = layers.stage();
    const unpacked = place.then(async ({ directory }) => {
      await checkSpace(dirname(directory), roomOf(size), 'a layer');
      return unpacker.unpackLayer({
        ...{ source: file, compression, directory, signal },
        ...{ hash: compression !== 'none', limits: limitsOf(size) },
      });
    });
    const layer = unpacked
      .catch((error: unknown) => (error instanceof ImageError ? error : undefined))
      .finally(() => {
        file.close();
        this.busy--;
      });
    return { place, layer };
  }
}

interface Followed {
  readonly file: GrowingFile;
  readonly name: (digest: Digest) => void;
}

/** Follows the file of a member as the store writes it. */
export class Following {
  private readonly begin: (path: string, signal: AbortSignal) => Followed | undefined;
  private readonly aborting = new AbortController();
  private followed: Followed | undefined;
  private hasBegun = false;
  private size = 0;

  /** `begin`: undefined where nobody has time. */
  constructor(begin: Following['begin']) {
    this.begin = begin;
  }

  readonly written: OnWritten = (path, size) => {
    if (!this.hasBegun && size === 0) return;
    if (!this.hasBegun) this.followed = this.begin(path, this.aborting.signal);
    this.hasBegun = true;
    // what is written anew is not what was read
    if (size < this.size) this.aborting.abort();
    this.size = size;
    this.followed?.file.grow(size);
  };

  /** The content is whole, and this is its digest. */
  end(digest: Digest): void {
    this.followed?.file.end();
    if (!this.aborting.signal.aborted) this.followed?.name(digest);
  }

  /** It did not come to its end. */
  leave(): void {
    this.aborting.abort();
  }
}
