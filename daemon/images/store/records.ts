/**
 * What the store asks of the registry's rows (daemon/registry/images-content.ts has them): this folder knows no SQL.
 * Every method is one transaction, synchronous and short.
 *
 * A row is written after its file or directory is in place, and deleted before it is taken away. Both happen in the
 * turn of the digest, so for whoever has the turn the row is the truth.
 */
import type { Digest } from '../digest.ts';

/** `missing`: images have need of it and it is not there: the next pull or unpacking brings it back. */
export type ContentState = 'ready' | 'missing';

export interface BlobRow {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly state: ContentState;
}

export interface LayerRow {
  /** The chain id where it depends on the layers below, else the diff id. */
  readonly id: Digest;
  /** Digest of the uncompressed archive. */
  readonly diffId: Digest;
  /** The archive implies directories that it has no entries of: what they are like is taken from below. */
  readonly dependsOnLower: boolean;
  /** Its root is opaque, which overlayfs does not see: the layers below are left out of the mount. */
  readonly hidesLower: boolean;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
  readonly state: ContentState;
}

/** Written and not known to be on the disk: a crash of the machine may have taken it. */
export interface Unsynced {
  readonly digest: Digest;
  /** Of BootStamps. */
  readonly stamp: string;
}

export interface ManifestContents {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly config: Digest;
  /** Blobs of the layers, the lowest first. */
  readonly layers: readonly Digest[];
}

export interface Unreferenced {
  readonly manifests: readonly Digest[];
  readonly layers: readonly LayerRow[];
  readonly blobs: readonly BlobRow[];
}

export interface TakeOptions {
  /** RFC 3339 in UTC. Leases that were to be kept until then, or a time before, end. */
  readonly now: string;
  /** Manifests that have no name, no container and no lease go too. */
  readonly dangling: boolean;
  /** What failed pulls left to be resumed goes too. */
  readonly dropKept: boolean;
}

export interface ContentRecords {
  blob(digest: Digest): BlobRow | undefined;
  blobs(): BlobRow[];
  /** It is there, in full. `stamp`: of BootStamps. */
  recordBlob(digest: Digest, size: number, stamp: string): void;
  /** It is not there: the row goes, or is `missing` where a manifest has need of it. */
  forgetBlob(digest: Digest): ContentState | 'deleted';
  /** Deletes the row where neither manifest nor lease has need of it; false: one has, or there is none. */
  deleteBlob(digest: Digest): boolean;

  layer(id: Digest): LayerRow | undefined;
  layers(): LayerRow[];
  recordLayer(layer: Omit<LayerRow, 'state'>, stamp: string): void;
  forgetLayer(id: Digest): ContentState | 'deleted';

  unsyncedBlobs(): Unsynced[];
  unsyncedLayers(): Unsynced[];
  /** These are on the disk now, but for those that were written again meanwhile and have another stamp. */
  synced(blobs: readonly Unsynced[], layers: readonly Unsynced[]): void;

  manifests(): ManifestContents[];
  /** Names of the images that have need of this manifest, blob or layer, in order. */
  namesOf(digest: Digest): string[];

  /** A new lease takes over what was kept of failed ones with the same purpose. */
  openLease(id: string, purpose: string, now: string): void;
  hold(lease: string, digests: readonly Digest[]): void;
  isLeased(digest: Digest): boolean;
  closeLease(id: string): void;
  keepLease(id: string, until: string): void;
  /** Leases of a daemon that is gone: their pulls will not go on by themselves. */
  keepOpenLeases(until: string): void;

  /** Deletes the rows of what nothing has need of, and says what they were. */
  takeUnreferenced(options: TakeOptions): Unreferenced;
}
