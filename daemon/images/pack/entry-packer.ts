/** One open file, directory, link or device after the other as entries of a tar archive. */
import { type BigIntStats, closeSync, constants, openSync, readSync } from 'node:fs';
import { partsOf } from '../../../native-bindings/file-parts.ts';
import { readLinkOf } from '../../../native-bindings/readlink.ts';
import { readXattrs } from '../../../native-bindings/xattr.ts';
import { encodeEntry, isWritableXattr, paddingOf, type WrittenEntry } from '../tar/encode.ts';
import type { SparsePart, TarKind } from '../tar/entry.ts';
import { timestamp } from '../unpack/directories.ts';
import { isTaken } from '../unpack/metadata.ts';
import { FileError, readablePath } from './file-error.ts';
import { type IdMaps, toContainer } from './id-maps.ts';
import { PieceWriter } from './piece-writer.ts';

/** Read before its header is written, so that one that grows or shrinks meanwhile is still whole. */
const SMALL = 64 * 1024;
/** A hole of less is not worth a line of a map. */
const LEAST_HOLE = 4096;
/** In copies: whoever copies has them as they were. */
export const EVERY_HOLE = LEAST_HOLE;
/** In layers and exported roots: peers that keep layers apart from their files take no sparse ones, and few have such holes. */
export const LARGE_HOLES = 16 * 1024 * 1024;
/** As many as readers take; where there are more, the smaller holes are written as zeros. */
const MOST_PARTS = 32_768;
/** What the names of files with several links may take of memory; those beyond are written as files of their own. */
const LINKS_ROOM = 32 * 1024 * 1024;
const LINK_COST = 128;
const OPEN = constants.O_RDONLY | constants.O_NONBLOCK;

export interface PackerOptions {
  /** Owners in the archive are the container's. */
  readonly ids: IdMaps;
  /** Files are written as sparse ones, GNU's format 1.0, from so many bytes of holes on. */
  readonly sparseFrom: number;
  /** Pieces that came of it before, and may be filled again. */
  readonly spare?: Buffer[];
}

/** Sockets have no place in an archive. */
export function kindOf(status: BigIntStats): TarKind | 'socket' {
  if (status.isFile()) return 'file';
  if (status.isDirectory()) return 'directory';
  if (status.isSymbolicLink()) return 'symlink';
  if (status.isCharacterDevice()) return 'character-device';
  if (status.isBlockDevice()) return 'block-device';
  return status.isFIFO() ? 'fifo' : 'socket';
}

/** Of Linux's dev_t: 12 bits of the major in 19–8, 20 of the minor in 7–0 and 31–20, makedev(3). */
function deviceNumbers(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number((device >> 8n) & 0xfffn),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xfff00n)),
  };
}

export class EntryPacker {
  /** Entries so far. */
  entries = 0;
  readonly writer: PieceWriter;
  private readonly ids: IdMaps;
  private readonly sparseFrom: number;
  /** Names of files with several links, by device and inode. */
  private readonly links = new Map<string, string>();
  private linksRoom = 0;

  constructor({ ids, sparseFrom, spare }: PackerOptions) {
    this.writer = new PieceWriter(spare);
    this.ids = ids;
    this.sparseFrom = sparseFrom;
  }

  /**
   * `fd` (O_PATH) is of what `status` describes; it is opened again to be read, and only if it is a regular file. Yields
   * pieces as they are full. Throws FileError unsupported for what no archive holds, SystemError, and what Node throws.
   */
  *add(fd: number, status: BigIntStats, name: string): Generator<Buffer> {
    const kind = kindOf(status);
    if (kind === 'socket')
      throw new FileError('unsupported', `${readablePath(name)} is a socket, which no archive holds`);
    this.entries++;
    const entry = this.describe(fd, status, name, kind);
    if (kind !== 'directory' && status.nlink > 1n) {
      const key = `${String(status.dev)}:${String(status.ino)}`;
      const first = this.links.get(key);
      if (first !== undefined) {
        this.header({ ...entry, kind: 'link', target: first });
        return;
      }
      this.remember(key, name);
    }
    if (kind === 'file') yield* this.file(fd, status, entry);
    else this.header(entry);
    yield* this.writer.take();
  }

  /** An empty file that is nowhere but in the archive. */
  mark(name: string): void {
    this.entries++;
    this.header({ kind: 'file', name, mode: 0o600, uid: 0, gid: 0, modified: { seconds: 0, nanoseconds: 0 } });
  }

  /** Two blocks of zeros, and the last piece. */
  *finish(): Generator<Buffer> {
    this.writer.zeros(1024);
    yield* this.writer.finish();
  }

  private describe(fd: number, status: BigIntStats, name: string, kind: TarKind): WrittenEntry {
    const isDevice = kind === 'character-device' || kind === 'block-device';
    const xattrs = readXattrs(fd, (attribute) => isTaken(attribute) && isWritableXattr(attribute));
    return {
      kind,
      name,
      mode: Number(status.mode & 0o7777n),
      uid: toContainer(this.ids.users, Number(status.uid)),
      gid: toContainer(this.ids.groups, Number(status.gid)),
      modified: timestamp(status.mtimeNs),
      ...(kind === 'symlink' ? { target: readLinkOf(fd) } : {}),
      ...(isDevice ? deviceNumbers(status.rdev) : {}),
      ...(xattrs.size === 0 ? {} : { xattrs }),
    };
  }

  private remember(key: string, name: string): void {
    this.linksRoom += name.length + LINK_COST;
    if (this.linksRoom <= LINKS_ROOM) this.links.set(key, name);
  }

  private header(entry: WrittenEntry): void {
    this.writer.put(encodeEntry(entry).bytes);
  }

  private *file(fd: number, status: BigIntStats, entry: WrittenEntry): Generator<Buffer> {
    const size = Number(status.size);
    if (size === 0) {
      this.header(entry);
      return;
    }
    const file = openSync(`/proc/self/fd/${String(fd)}`, OPEN);
    try {
      if (size <= SMALL) this.small(file, size, entry);
      else yield* this.large(file, status, entry);
    } finally {
      closeSync(file);
    }
  }

  private small(file: number, size: number, entry: WrittenEntry): void {
    const bytes = Buffer.allocUnsafe(size);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < size; filled += count) {
      count = readSync(file, bytes, filled, size - filled, filled);
    }
    this.header({ ...entry, size: filled });
    this.writer.put(bytes.subarray(0, filled));
    this.writer.zeros(paddingOf(filled));
  }

  private *large(file: number, status: BigIntStats, entry: WrittenEntry): Generator<Buffer> {
    const size = Number(status.size);
    const holes = size - Number(status.blocks) * 512;
    const parts = holes >= this.sparseFrom ? sparseParts(file, size) : undefined;
    const { bytes, stored } = encodeEntry({ ...entry, size, parts });
    this.writer.put(bytes);
    for (const { offset, length } of parts ?? [{ offset: 0, length: size }]) {
      yield* this.part(file, { offset, length }, entry.name);
    }
    this.writer.zeros(paddingOf(stored));
  }

  private *part(file: number, { offset, length }: SparsePart, name: string): Generator<Buffer> {
    const { writer } = this;
    for (let done = 0; done < length;) {
      const { room } = writer;
      const count = readSync(file, room, 0, Math.min(room.length, length - done), offset + done);
      if (count === 0) throw new FileError('path_is_busy', `${readablePath(name)} became shorter while it was read`);
      writer.wrote(count);
      done += count;
      yield* writer.take();
    }
  }
}

function sparseParts(file: number, size: number): SparsePart[] {
  for (let least = LEAST_HOLE; ; least *= 16) {
    const parts = partsOf(file, size, least, MOST_PARTS);
    if (parts !== undefined) return parts;
  }
}
