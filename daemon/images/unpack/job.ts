/** What is asked of a layer's unpacking and what comes of it; both cross the border between threads as they are. */
import type { Digest } from '../digest.ts';
import type { Compression } from './decompress.ts';

export interface Limits {
  /** Of the uncompressed archive, in bytes. */
  readonly size?: number;
  readonly entries?: number;
}

export interface LayerJob {
  readonly compression: Compression;
  /** To be made: it must not be there, and its parent is no one else's to write to. */
  readonly directory: string;
  /** Directories of the layers below, the topmost first: directories without an entry are described as they have them. */
  readonly parents?: readonly string[];
  readonly limits?: Limits;
  /** What the result must be. */
  readonly diffId?: Digest;
  /** False: nobody has need of its diff id, or it is the digest of what was verified before. Default: true. */
  readonly hash?: boolean;
  /** Return only after all is on the disk, syncfs(2). */
  readonly sync?: boolean;
}

export interface UnpackedLayer {
  /** Of the uncompressed archive; undefined where it was not to be hashed. */
  readonly diffId: Digest | undefined;
  /** Of the uncompressed archive, in bytes. */
  readonly size: number;
  readonly entries: number;
  /**
   * Directories that exist because something is in them, and have no entry: paths of one character a byte (latin1), in
   * order, without the root. With `parents` they are as the parents have them, else root's, 0755 and of 1970.
   */
  readonly implied: readonly string[];
  /** The root has an entry; else it is root's, 0755 and of 1970. */
  readonly rootDescribed: boolean;
  /** The layer hides all below it. Overlayfs does not see that: the layers below must be left out of the mount. */
  readonly rootOpaque: boolean;
  /** Extended attributes that were not taken over: those that are for the host, or that the file system has not. */
  readonly leftOut: readonly string[];
}

/** What `implied` and `rootDescribed` leave open, taken from the layers below after the unpacking. */
export interface DescribeJob {
  /** Of a layer that was unpacked without `parents`. */
  readonly directory: string;
  /** The topmost first, none that another of them hides. */
  readonly parents: readonly string[];
  /** As UnpackedLayer has it. */
  readonly implied: readonly string[];
  /** The root, too. */
  readonly root: boolean;
}

export interface Progress {
  /** Bytes of the source that were read. */
  readonly read: number;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
  readonly entries: number;
}
