/**
 * What an image archive holds, as it came: what says which member is what often comes last, so all of it is taken in.
 * Small members stay in memory, within bounds; the others go to the store, where a lease holds them. A member that is
 * called by its digest and is in the store already is passed over.
 */
import { digestOf, digestAlgorithm, isDigest, type Digest } from '../digest.ts';
import { ImageError, shown } from '../errors.ts';
import { DOCUMENT_BYTES_MAX } from '../manifest/fields.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { Lease } from '../store/lease.ts';
import type { OnWritten } from '../store/take-new.ts';
import type { TarEntry } from '../tar/entry.ts';
import { compressionOf } from '../unpack/decompress.ts';
import { archiveMembers, type ArchiveMember } from './members.ts';
import { linkedName, memberName } from './names.ts';
import type { AheadSession } from './unpack-ahead.ts';

/** Documents of images are smaller; what is larger is a layer, most likely. */
const MEMORY_MEMBER_MAX = 1024 * 1024;
const MEMORY_MAX = 32 * 1024 * 1024;
const MEMBERS_MAX = 100_000;
/** Of all names and targets of links together. */
const NAMES_MAX = 16 * 1024 * 1024;
/** Old archives of docker have one link, from a layer to the same one of another image. */
const LINKS_MAX = 8;
/** So many bytes of a file tell how it is compressed. */
const HEAD = 4;

const BLOB = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;

export interface ArchiveFile {
  readonly digest: Digest;
  readonly size: number;
  /** The first bytes. */
  readonly head: Buffer;
  /** Absent: it is in the store. */
  readonly bytes?: Buffer;
}

/** A link's target by its name in the archive. */
type Member = ArchiveFile | { readonly link: string };

export interface TakeOptions {
  readonly contents: ContentStore;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Absent: nothing is unpacked before it is asked for. */
  readonly ahead?: AheadSession | undefined;
}

export class ArchiveContents {
  private readonly members = new Map<string, Member>();
  private readonly options: TakeOptions;
  private inMemory = 0;
  private names = 0;

  private constructor(options: TakeOptions) {
    this.options = options;
  }

  /**
   * Takes in all of it. `source`: the uncompressed archive. Throws ImageError archive_invalid, too_large,
   * digest_mismatch, disk_full, the signal's reason, what the source throws, errors of fs.
   */
  static async take(source: AsyncIterable<Buffer>, options: TakeOptions): Promise<ArchiveContents> {
    const archive = new ArchiveContents(options);
    for await (const member of archiveMembers(source)) {
      options.signal.throwIfAborted();
      await archive.add(member);
    }
    return archive;
  }

  /** `name`: as memberName() gives it. Throws ImageError archive_invalid where links lead nowhere. */
  find(name: string): ArchiveFile | undefined {
    let member = this.members.get(name);
    for (let links = 0; member !== undefined && 'link' in member; links++) {
      if (links === LINKS_MAX) throw invalid(name, 'lies behind too many links');
      member = this.members.get(member.link) ?? invalidLink(name);
    }
    return member;
  }

  /** Throws ImageError archive_invalid where there is none. */
  get(name: string): ArchiveFile {
    return this.find(name) ?? missing(name);
  }

  findBlob(digest: Digest): ArchiveFile | undefined {
    return this.find(`blobs/${digest.replace(':', '/')}`);
  }

  /** A JSON document. Throws ImageError too_large, store_damaged. */
  async document({ digest, size, bytes }: ArchiveFile, what: string): Promise<Buffer> {
    if (size > DOCUMENT_BYTES_MAX) {
      throw new ImageError('too_large', `${what}: ${size} bytes, more than ${DOCUMENT_BYTES_MAX}`);
    }
    return bytes ?? this.options.contents.read(digest, DOCUMENT_BYTES_MAX);
  }

  /** Digests of what was put into the store. */
  stored(): Digest[] {
    return [...this.members.values()].flatMap((member) =>
      'link' in member || member.bytes !== undefined ? [] : [member.digest],
    );
  }

  private async add({ entry, content }: ArchiveMember): Promise<void> {
    const { kind, target } = entry;
    if (kind === 'directory') return;
    const name = memberName(entry.name);
    if (kind === 'symlink') this.put(name, { link: linkedName(name, target) });
    else if (kind === 'link') this.put(name, { link: memberName(target) });
    else if (kind === 'file') this.put(name, await this.file(name, entry, content));
    else throw invalid(name, 'is neither a file nor a link');
  }

  private put(name: string, member: Member): void {
    const there = this.members.get(name);
    if (there !== undefined && !isSame(there, member)) throw invalid(name, 'is there twice, and differs');
    this.names += name.length + ('link' in member ? member.link.length : 0);
    if (this.members.size >= MEMBERS_MAX || this.names > NAMES_MAX) {
      throw new ImageError('too_large', 'the archive has more members than any image archive');
    }
    this.members.set(name, member);
  }

  private async file(name: string, { size }: TarEntry, content: AsyncIterable<Buffer>): Promise<ArchiveFile> {
    const [, algorithm = '', hex = ''] = BLOB.exec(name) ?? [];
    const called = `${algorithm}:${hex}`;
    const what = `the archive's ${shown(name)}`;
    if (size > MEMORY_MEMBER_MAX || this.inMemory + size > MEMORY_MAX) {
      return isDigest(called) ? this.ingest(called, size, content, what) : this.ingestNew(size, content, what);
    }
    this.inMemory += size;
    const pieces: Buffer[] = [];
    // Copied: a piece of a few bytes would keep all that was read with it.
    for await (const piece of content) pieces.push(Buffer.from(piece));
    const bytes = Buffer.concat(pieces);
    const digest = digestOf(bytes, isDigest(called) ? digestAlgorithm(called) : 'sha256');
    if (isDigest(called) && digest !== called) {
      throw new ImageError('digest_mismatch', `${what}: the content is ${digest}`);
    }
    return { digest, size, head: bytes.subarray(0, HEAD), bytes };
  }

  private async ingest(digest: Digest, size: number, content: AsyncIterable<Buffer>, what: string) {
    const { contents, lease, signal } = this.options;
    const stream = new Headed(content);
    await this.followed(stream, size, async (onWritten) => {
      await contents.ingest(lease, { digest, size }, () => ({ from: 0, stream }), { what, signal, ...onWritten });
      return digest;
    });
    return { digest, size, head: stream.head ?? (await this.headOf(digest)) };
  }

  private async ingestNew(size: number, content: AsyncIterable<Buffer>, what: string): Promise<ArchiveFile> {
    const { contents, lease } = this.options;
    const stream = new Headed(content);
    const digest = await this.followed(
      stream,
      size,
      async (onWritten) => (await contents.ingestNew(lease, stream, { what, size, ...onWritten })).digest,
    );
    return { digest, size, head: stream.head ?? Buffer.alloc(0) };
  }

  /** `work` takes the stream into the store, and gives its digest. */
  private async followed(
    stream: Headed,
    size: number,
    work: (more: { readonly onWritten?: OnWritten }) => Promise<Digest>,
  ): Promise<Digest> {
    const following = this.options.ahead?.follow(size, () => compressionOf(stream.head ?? Buffer.alloc(0)));
    if (following === undefined) return work({});
    try {
      const digest = await work({ onWritten: following.written });
      following.end(digest);
      return digest;
    } catch (error) {
      following.leave();
      throw error;
    }
  }

  /** Of what was in the store before. */
  private async headOf(digest: Digest): Promise<Buffer> {
    const stream = new Headed((await this.options.contents.open(digest)) as AsyncIterable<Buffer>);
    for await (const piece of stream) if (piece.length > 0) break;
    return stream.head ?? Buffer.alloc(0);
  }
}

/** Passes on what comes, and keeps the first bytes. */
class Headed implements AsyncIterable<Buffer> {
  head: Buffer | undefined;
  private readonly source: AsyncIterable<Buffer>;

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for await (const piece of this.source) {
      if (this.head === undefined || this.head.length < HEAD) {
        this.head = Buffer.concat([this.head ?? Buffer.alloc(0), piece.subarray(0, HEAD)]).subarray(0, HEAD);
      }
      yield piece;
    }
  }
}

function isSame(one: Member, other: Member): boolean {
  if ('link' in one || 'link' in other) return 'link' in one && 'link' in other && one.link === other.link;
  return one.digest === other.digest;
}

function invalid(name: string, problem: string): ImageError {
  return new ImageError('archive_invalid', `the archive's ${shown(name)} ${problem}`);
}

function invalidLink(name: string): never {
  throw invalid(name, 'is a link to what the archive does not have');
}

function missing(name: string): never {
  throw new ImageError('archive_invalid', `the archive has no ${shown(name)}`);
}
