/** An entry of a tar archive as it reads after its extended headers were applied. */
import type { Timestamp } from '../../../native-bindings/utimensat.ts';

export type TarKind = 'file' | 'link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

/** A part of a sparse file that the archive holds; what lies between parts is a hole. */
export interface SparsePart {
  readonly offset: number;
  readonly length: number;
}

/** Names and targets are bytes: one character each (latin1), as they need not be UTF-8. */
export interface TarEntry {
  readonly kind: TarKind;
  readonly name: string;
  /** Of link and symlink; else "". */
  readonly target: string;
  /** The twelve bits of permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The length of the file that comes out; 0 for all else. */
  readonly size: number;
  /** In order and without overlap; undefined: the file is stored whole. */
  readonly parts: readonly SparsePart[] | undefined;
  readonly modified: Timestamp;
  readonly accessed: Timestamp;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** What the reader (reader.ts) calls, in this order for each entry: `begin`, `data` any number of times, `end`. */
export interface TarConsumer {
  begin(entry: TarEntry): void;
  /** `piece` is only lent; `offset` is its place in the file. */
  data(piece: Buffer, offset: number): void;
  end(): void;
}
