/**
 * The store of images: contents, unpacked layers, leases, collection, check. One a root directory, whose lock the
 * registry has.
 */
import { BootStamps } from './boot-stamps.ts';
import { check, type CheckOptions } from './check.ts';
import { collect, type Collected, type CollectOptions } from './collect.ts';
import { ContentStore } from './content-store.ts';
import { Durability } from './durability.ts';
import type { Finding } from './findings.ts';
import { LayerStore } from './layer-store.ts';
import { Lease, resumableUntil } from './lease.ts';
import type { ContentRecords } from './records.ts';
import { StorePlaces } from './store-places.ts';
import { Trash } from './trash.ts';
import type { StoreParts } from './store-parts.ts';
import { contentUsage, type ContentUsage } from './usage.ts';

export interface ImageStoreOptions {
  /** The daemon's root directory, absolute. */
  readonly root: string;
  readonly records: ContentRecords;
  /** /proc/sys/kernel/random/boot_id */
  readonly bootId: string;
  /** Told what went wrong in the background, where nobody waits for an answer. */
  readonly onTrouble: (error: unknown) => void;
}

export class ImageStore {
  readonly contents: ContentStore;
  readonly layers: LayerStore;
  private readonly parts: StoreParts;
  private readonly durability: Durability;
  private readonly onTrouble: (error: unknown) => void;
  private readonly background = new Set<Promise<void>>();
  private swept: Promise<void> = Promise.resolve();

  /** Makes the directories. Throws errors of fs. */
  constructor(options: ImageStoreOptions) {
    const { records, bootId } = options;
    const places = new StorePlaces(options.root);
    places.make();
    const trash = new Trash(places.trash);
    const stamps = new BootStamps(bootId);
    this.contents = new ContentStore({ places, records, trash, stamps });
    this.layers = new LayerStore({ places, records, trash, stamps });
    this.parts = { places, records, trash, stamps, contents: this.contents, layers: this.layers };
    this.durability = new Durability(this.parts);
    this.onTrouble = options.onTrouble;
  }

  /**
   * Once, before the store is used: leases of the daemon before are kept to be resumed, what a crash of the machine may
   * have taken is looked at, and what a kill left, and nothing has need of any more, is deleted, which goes on in the
   * background when this resolves.
   */
  async recover(): Promise<void> {
    this.parts.records.keepOpenLeases(resumableUntil());
    await this.durability.distrust();
    this.swept = this.inBackground(async () => {
      await collect(this.parts);
    });
    void this.inBackground(() => this.durability.settle());
  }

  /** `purpose`: such as "pull docker.io/library/debian:12". Whoever opens it ends it: release() or keep(). */
  lease(purpose: string): Lease {
    return new Lease(purpose, this.parts.records, () => {
      void this.inBackground(() => this.durability.settle());
    });
  }

  collect(options?: CollectOptions): Promise<Collected> {
    return collect(this.parts, options);
  }

  /** After the sweep that recover() began: what that is still to delete is no finding. */
  async check(options?: CheckOptions): Promise<Finding[]> {
    await this.swept;
    return check(this.parts, options);
  }

  /** `layersInUse`: ids of those that images have. */
  usage(layersInUse: ReadonlySet<string>): Promise<ContentUsage> {
    return contentUsage(this.parts, layersInUse);
  }

  /** Resolves when all that is in the store by now is on the disk. */
  settle(): Promise<void> {
    return this.durability.settle();
  }

  /** At the end of the daemon, before the registry is closed: resolves when nothing goes on in the background. */
  async close(): Promise<void> {
    while (this.background.size > 0) await Promise.all(this.background);
  }

  /** Resolves when it is over, however it ended. */
  private inBackground(work: () => Promise<void>): Promise<void> {
    const done = work()
      .catch(this.onTrouble)
      .finally(() => this.background.delete(done));
    this.background.add(done);
    return done;
  }
}
