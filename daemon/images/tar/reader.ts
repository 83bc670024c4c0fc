/**
 * Reads a tar archive that comes in pieces of any length, without keeping more of it than a header. Not tar-stream: that
 * decodes the values of extended attributes as UTF-8, which destroys capabilities, and knows no sparse files.
 *
 * What archives say in two ways is read as Go's archive/tar does, because images are made for it: only regular files
 * have data, the GNU long name goes before pax records, global pax headers change nothing.
 */
import { shown } from '../errors.ts';
import type { SparsePart, TarConsumer, TarEntry, TarKind } from './entry.ts';
import { BLOCK, type TarHeader, decodeHeader } from './header.ts';
import { malformed } from './malformed.ts';
import { type PaxRecords, decodePax } from './pax.ts';
import { OldSparseMap, SparseMapInData, sparseParts } from './sparse.ts';

/** Of an extended header or long name, as in Go's archive/tar. */
const LARGEST_EXTENSION = 1024 * 1024;
/** The kernel's ids are 32 bits, and the last of them means "leave it". */
const LAST_ID = 0xfffffffe;

const KINDS: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** What stood before an entry, for it alone. */
interface Extensions {
  pax: PaxRecords | undefined;
  name: string | undefined;
  target: string | undefined;
}

interface Extension {
  readonly type: string;
  readonly bytes: Buffer;
  filled: number;
}

/** A file on its way: `offset` is where the next byte goes, `left` what the archive still has of it. */
interface Content {
  left: number;
  offset: number;
  readonly parts: readonly SparsePart[] | undefined;
  part: number;
  readonly given: boolean;
}

const none = (): Extensions => ({ pax: undefined, name: undefined, target: undefined });

export class TarReader {
  private readonly consumer: TarConsumer;
  private readonly block = Buffer.alloc(BLOCK);
  private filled = 0;
  private padding = 0;
  private zeros = 0;
  private ended = false;
  private extensions = none();
  private extension: Extension | undefined;
  private content: Content | undefined;
  /** A file whose sparse map is still to come. */
  private mapped: { header: TarHeader; map: OldSparseMap | SparseMapInData } | undefined;

  constructor(consumer: TarConsumer) {
    this.consumer = consumer;
  }

  /** Throws ImageError layer_invalid, and what the consumer throws. */
  push(piece: Buffer): void {
    let at = 0;
    while (at < piece.length && !this.ended) {
      if (this.content !== undefined) at += this.takeContent(this.content, piece, at);
      else if (this.extension !== undefined) at += this.takeExtension(this.extension, piece, at);
      else if (this.padding > 0) {
        const skipped = Math.min(this.padding, piece.length - at);
        this.padding -= skipped;
        at += skipped;
      } else at += this.takeBlock(piece, at);
    }
  }

  /**
   * The archive has ended. The two blocks of zeros may be missing, and what fills up the last block: so ends what docker's
   * CLI sends for a Dockerfile beside its context, and other readers allow it. Nothing else may.
   */
  finish(): void {
    const { pax, name, target } = this.extensions;
    const open = [this.content, this.extension, this.mapped, pax, name, target].some((part) => part !== undefined);
    if (open || this.filled > 0) throw malformed('it is cut off');
  }

  private takeBlock(piece: Buffer, at: number): number {
    if (this.filled === 0 && piece.length - at >= BLOCK) {
      this.onBlock(piece.subarray(at, at + BLOCK));
      return BLOCK;
    }
    const copied = piece.copy(this.block, this.filled, at);
    this.filled += copied;
    if (this.filled === BLOCK) {
      this.filled = 0;
      this.onBlock(this.block);
    }
    return copied;
  }

  private onBlock(block: Buffer): void {
    if (this.mapped !== undefined) this.onMap(this.mapped, block);
    else if (block[0] === 0 && block.every((byte) => byte === 0)) {
      this.zeros++;
      this.ended = this.zeros === 2;
    } else if (this.zeros > 0) throw malformed('something follows its end');
    else this.onHeader(decodeHeader(block), block);
  }

  private onHeader(header: TarHeader, block: Buffer): void {
    if (/^[xgLK]$/.test(header.type)) {
      if (header.size > LARGEST_EXTENSION) throw malformed('an extended header is larger than a MiB');
      this.extension = { type: header.type, bytes: Buffer.alloc(header.size), filled: 0 };
      if (header.size === 0) this.endExtension(this.extension);
    } else if (header.type === 'S') {
      const map = new OldSparseMap(block);
      if (map.more) this.mapped = { header, map };
      else this.beginSparse(header, map.numbers, map.size, this.storedSize(header));
    } else if (this.extensions.pax?.sparse?.map === 'in the data' && KINDS[header.type] === 'file') {
      this.mapped = { header, map: new SparseMapInData() };
    } else this.beginPlain(header);
  }

  private onMap({ header, map }: { header: TarHeader; map: OldSparseMap | SparseMapInData }, block: Buffer): void {
    if (map instanceof OldSparseMap) {
      map.block(block);
      if (map.more) return;
      this.mapped = undefined;
      this.beginSparse(header, map.numbers, map.size, this.storedSize(header));
      return;
    }
    const complete = map.block(block);
    const left = this.storedSize(header) - map.blocks * BLOCK;
    if (left < 0) throw malformed('a sparse map is longer than its file');
    if (!complete) return;
    this.mapped = undefined;
    this.beginSparse(header, map.numbers, this.extensions.pax?.sparse?.size ?? 0, left);
  }

  private storedSize(header: TarHeader): number {
    return this.extensions.pax?.size ?? header.size;
  }

  private beginPlain(header: TarHeader): void {
    const stored = this.storedSize(header);
    const sparse = this.extensions.pax?.sparse;
    if (sparse !== undefined && sparse.map !== 'in the data' && KINDS[header.type] === 'file') {
      this.beginSparse(header, sparse.map, sparse.size, stored);
    } else this.begin(this.entryOf(header, undefined, stored), stored, header);
  }

  private beginSparse(header: TarHeader, numbers: readonly number[], size: number, stored: number): void {
    this.begin(this.entryOf(header, sparseParts(numbers, size, stored), size), stored, header);
  }

  /** `stored` bytes of the archive are this entry's. */
  private begin(entry: TarEntry, stored: number, { type }: TarHeader): void {
    this.extensions = none();
    this.consumer.begin(entry);
    const left = KINDS[type] === 'file' ? stored : 0;
    this.padding = (BLOCK - (left % BLOCK)) % BLOCK;
    if (left === 0) this.consumer.end();
    else {
      const given = entry.kind === 'file';
      this.content = { left, offset: entry.parts?.[0]?.offset ?? 0, parts: entry.parts, part: 0, given };
    }
  }

  private entryOf(header: TarHeader, parts: readonly SparsePart[] | undefined, size: number): TarEntry {
    const { pax, ...long } = this.extensions;
    const name = long.name ?? pax?.name ?? header.name;
    const kind = KINDS[header.type];
    if (kind === undefined) {
      throw malformed(`${shown(name)} is of type ${shown(JSON.stringify(header.type))}, which cannot be unpacked`);
    }
    const id = (value: number): number => {
      if (value < 0 || value > LAST_ID) throw malformed(`the owner or group of ${shown(name)} is out of range`);
      return value;
    };
    // Before ustar a directory was a file whose name ends with a slash.
    const actual = kind === 'file' && name.endsWith('/') ? 'directory' : kind;
    const modified = pax?.modified ?? { seconds: header.modified, nanoseconds: 0 };
    return {
      kind: actual,
      name,
      target: actual === 'link' || actual === 'symlink' ? (long.target ?? pax?.target ?? header.target) : '',
      mode: header.mode,
      uid: id(pax?.uid ?? header.uid),
      gid: id(pax?.gid ?? header.gid),
      size: actual === 'file' ? size : 0,
      parts,
      modified,
      accessed: pax?.accessed ?? modified,
      major: header.major,
      minor: header.minor,
      xattrs: pax?.xattrs ?? new Map(),
    };
  }

  /** Gives out what belongs together: a part of a sparse file ends a piece. */
  private takeContent(content: Content, piece: Buffer, at: number): number {
    const part = content.parts?.[content.part];
    const until = part === undefined ? content.left : part.offset + part.length - content.offset;
    const taken = Math.min(until, content.left, piece.length - at);
    if (content.given) this.consumer.data(piece.subarray(at, at + taken), content.offset);
    content.offset += taken;
    content.left -= taken;
    if (taken === until && part !== undefined) {
      content.part++;
      content.offset = content.parts?.[content.part]?.offset ?? content.offset;
    }
    if (content.left === 0) {
      this.content = undefined;
      this.consumer.end();
    }
    return taken;
  }

  private takeExtension(extension: Extension, piece: Buffer, at: number): number {
    const copied = piece.copy(extension.bytes, extension.filled, at);
    extension.filled += copied;
    if (extension.filled === extension.bytes.length) this.endExtension(extension);
    return copied;
  }

  private endExtension({ type, bytes }: Extension): void {
    this.extension = undefined;
    this.padding = (BLOCK - (bytes.length % BLOCK)) % BLOCK;
    const nul = bytes.indexOf(0);
    const text = bytes.toString('latin1', 0, nul === -1 ? bytes.length : nul);
    if (type === 'L') this.extensions.name = text;
    else if (type === 'K') this.extensions.target = text;
    else if (type === 'x') this.extensions.pax = decodePax(bytes);
  }
}
