/**
 * Unpacks what may be a layer while it is read from an archive, before it is known to be one: what lists them often
 * comes last. What turns out to be none, or is not sound, is thrown away; whoever needs it then unpacks it from the
 * store, and meets its error there.
 *
 * One load at a time does so, on a thread that is for nothing else, one member after the other: a client that is slow
 * holds up nobody but itself.
 */
import type { Digest } from '../digest.ts';
import type { LayerStore, StagedPlace } from '../store/layer-store.ts';
import type { OnWritten } from '../store/take-new.ts';
import { compressionOf } from '../unpack/decompress.ts';
import { GrowingFile, Unpacker, type Limits, type UnpackedLayer } from '../unpack/unpacker.ts';

export interface LayerAhead {
  /** To be moved away. */
  readonly directory: string;
  readonly layer: UnpackedLayer;
}

interface Ahead {
  readonly place: Promise<StagedPlace>;
  /** Never rejects. */
  readonly layer: Promise<UnpackedLayer | undefined>;
}

export class UnpackAhead {
  private readonly layers: LayerStore;
  private readonly limitsOf: (size: number) => Limits;
  private isTaken = false;

  /** `limitsOf`: for a member of so many bytes. */
  constructor(layers: LayerStore, limitsOf: (size: number) => Limits) {
    this.layers = layers;
    this.limitsOf = limitsOf;
  }

  /** Whoever gets it closes it. undefined: another load has it. */
  open(): AheadSession | undefined {
    if (this.isTaken) return undefined;
    this.isTaken = true;
    return new AheadSession(this.layers, this.limitsOf, () => {
      this.isTaken = false;
    });
  }
}

export class AheadSession {
  private readonly layers: LayerStore;
  private readonly limitsOf: (size: number) => Limits;
  private readonly whenOver: () => void;
  private readonly unpacker = new Unpacker({ threads: 1 });
  private readonly all: Ahead[] = [];
  private readonly named = new Map<Digest, Ahead>();
  private isBusy = false;

  constructor(layers: LayerStore, limitsOf: (size: number) => Limits, whenOver: () => void) {
    this.layers = layers;
    this.limitsOf = limitsOf;
    this.whenOver = whenOver;
  }

  /** Of a member of `size` bytes on its way into the store. `head`: its first bytes, asked for once they are there. */
  follow(size: number, head: () => Buffer): Following {
    return new Following((path, signal) => {
      if (this.isBusy) return undefined;
      const file = new GrowingFile(path);
      this.isBusy = true;
      const ahead = this.begin(file, compressionOf(head()), size, signal);
      this.all.push(ahead);
      return { file, name: (digest) => this.named.set(digest, ahead) };
    });
  }

  /** What was unpacked of the content `digest`; undefined: nothing, or it is not `diffId`. */
  async take(digest: Digest, diffId: Digest): Promise<LayerAhead | undefined> {
    const ahead = this.named.get(digest);
    const layer = await ahead?.layer;
    if (ahead === undefined || layer === undefined) return undefined;
    this.named.delete(digest);
    // of what is not compressed the content's digest is the layer's
    if ((layer.diffId ?? digest) !== diffId) return undefined;
    return { directory: (await ahead.place).directory, layer };
  }

  /** Ends what goes on, and takes away what nobody took. Throws errors of fs. */
  async close(): Promise<void> {
    await this.unpacker.close();
    for (const { place } of this.all) await (await place.catch(() => undefined))?.discard();
    this.whenOver();
  }

  private begin(file: GrowingFile, compression: 'none' | 'gzip' | 'zstd', size: number, signal: AbortSignal): Ahead {
    const place = this.layers.stage();
    const unpacked = place.then(({ directory }) =>
      this.unpacker.unpackLayer({
        ...{ source: file, compression, directory, signal },
        ...{ hash: compression !== 'none', limits: this.limitsOf(size) },
      }),
    );
    const layer = unpacked
      .catch(() => undefined)
      .finally(() => {
        file.close();
        this.isBusy = false;
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
    this.followed?.name(digest);
  }

  /** It did not come to its end. */
  leave(): void {
    this.aborting.abort();
  }
}
