/**
 * Blobs by digest: <root>/images/blobs/<algorithm>/<hex>, each put there by a rename when its size and digest are right.
 *
 * One writer a digest: whoever comes second waits for the first, and has nothing left to do if that went well. Nothing
 * is fsynced on the way; a row remembers in which boot it was written until the file system is synced
 * (daemon/images/store/durability.ts), and after a crash of the machine such content is hashed again before it counts.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { digestAlgorithm, digestOf, isDigest, type Digest } from '../digest.ts';
import { ImageError, type ImageErrorCode } from '../errors.ts';
import type { BootStamps } from './boot-stamps.ts';
import { asImageError, checkSpace } from './disk-full.ts';
import { fillPart, type IngestOptions, type Source } from './fill-part.ts';
import type { Lease } from './lease.ts';
import { PartFile, type Promised } from './part-file.ts';
import type { BlobRow, ContentRecords } from './records.ts';
import type { StorePlaces } from './store-places.ts';
import { takeNew, type NewContentOptions } from './take-new.ts';
import type { Trash } from './trash.ts';
import { Turns } from './turns.ts';
import { verifyFile } from './verify-file.ts';

export interface Ingested {
  readonly digest: Digest;
  readonly size: number;
  /** Bytes that came from the source; 0: all was there. */
  readonly fetched: number;
}

export interface ContentStoreOptions {
  readonly places: StorePlaces;
  readonly records: ContentRecords;
  readonly trash: Trash;
  readonly stamps: BootStamps;
}

export class ContentStore {
  /** Whoever puts a blob in its place or takes it away has its turn, and the row right before it ends. */
  readonly turns = new Turns();
  private readonly places: StorePlaces;
  private readonly records: ContentRecords;
  private readonly trash: Trash;
  private readonly stamps: BootStamps;
  private readonly newParts = new Set<string>();

  constructor(options: ContentStoreOptions) {
    this.places = options.places;
    this.records = options.records;
    this.trash = options.trash;
    this.stamps = options.stamps;
  }

  has(digest: Digest): boolean {
    return this.records.blob(digest)?.state === 'ready';
  }

  list(): BlobRow[] {
    return this.records.blobs().filter(({ state }) => state === 'ready');
  }

  /** Throws ImageError disk_full where the file system has no room for those of them that are not here. */
  async checkRoom(contents: readonly Promised[], what: string): Promise<void> {
    const missing = new Map(
      contents.filter(({ digest }) => !this.has(digest)).map(({ digest, size }) => [digest, size]),
    );
    const bytes = [...missing.values()].reduce((sum, size) => sum + size, 0);
    if (bytes > 0) await checkSpace(this.places.ingest, bytes, what);
  }

  /** Where it lies, for threads that read it themselves. Throws ImageError blob_not_found. */
  path(digest: Digest): string {
    this.row(digest);
    return this.places.blob(digest);
  }

  /** From byte `from` on. It stays readable when it is collected meanwhile. Throws ImageError blob_not_found, store_damaged. */
  async open(digest: Digest, from = 0): Promise<Readable> {
    const { size } = this.row(digest);
    const file = await open(this.places.blob(digest)).catch((error: unknown) => {
      throw new ImageError('store_damaged', `blob ${digest} cannot be read`, { cause: error });
    });
    if ((await file.stat()).size === size) return createReadStream('', { fd: file, start: from });
    await file.close();
    throw new ImageError('store_damaged', `blob ${digest} does not have its ${size} bytes`);
  }

  /** A small blob, such as a manifest, hashed again. Throws ImageError blob_not_found, too_large, store_damaged. */
  async read(digest: Digest, maximum: number): Promise<Buffer> {
    const { size } = this.row(digest);
    if (size > maximum)
      throw new ImageError('too_large', `blob ${digest} has ${size} bytes, ${maximum} are allowed here`);
    const chunks: Buffer[] = [];
    for await (const chunk of await this.open(digest)) chunks.push(chunk as Buffer);
    const content = Buffer.concat(chunks);
    if (digestOf(content, digestAlgorithm(digest)) === digest) return content;
    throw new ImageError('store_damaged', `blob ${digest} is not what was put there`);
  }

  /**
   * Fetches what `promised` says from `source`, unless it is there. Throws ImageError size_mismatch, digest_mismatch and
   * disk_full, after which nothing is kept; the source's own errors and the signal's reason, after which what came is
   * kept to be resumed; errors of fs.
   */
  async ingest(lease: Lease, promised: Promised, source: Source, options: IngestOptions = {}): Promise<Ingested> {
    const { digest, size } = promised;
    const what = options.what ?? `blob ${digest}`;
    if (!Number.isSafeInteger(size) || size < 0) throw new ImageError('size_mismatch', `${what}: ${size} is no size`);
    lease.hold(digest);
    return this.turns.run(
      digest,
      async () => {
        const fetched = (await this.isThere(promised, what)) ? 0 : await this.fetch(promised, source, options, what);
        return { digest, size, fetched };
      },
      options.signal,
    );
  }

  /**
   * Takes content whose digest is not known before it ends. Throws ImageError too_large and
   * disk_full, the stream's errors, errors of fs; nothing is kept then.
   */
  async ingestNew(lease: Lease, stream: AsyncIterable<Uint8Array>, options: NewContentOptions = {}): Promise<Ingested> {
    const what = options.what ?? 'new content';
    const name = `new-${randomBytes(16).toString('hex')}.part`;
    const path = join(this.places.ingest, name);
    this.newParts.add(name);
    try {
      await checkSpace(this.places.ingest, options.size ?? 0, what);
      const { digest, size } = await takeNew(path, stream, options);
      lease.hold(digest);
      await this.turns.run(digest, async () => {
        if (await this.isThere({ digest, size }, what)) return;
        await rename(path, this.places.blob(digest));
        await this.record(digest, size);
      });
      return { digest, size, fetched: size };
    } catch (error) {
      throw asImageError(error, what);
    } finally {
      await unlink(path).catch(ignoreAbsence);
      this.newParts.delete(name);
    }
  }

  /** Small content that is made here. Throws as ingestNew(). */
  async put(lease: Lease, content: Uint8Array, what?: string): Promise<Ingested> {
    return this.ingestNew(lease, Readable.from([content]), what === undefined ? {} : { what });
  }

  /** False where an image or a lease has need of it, or it is not there. */
  async remove(digest: Digest): Promise<boolean> {
    const free = await this.turns.run(digest, async () => {
      if (!this.records.deleteBlob(digest)) return undefined;
      return this.trash.take(this.places.blob(digest));
    });
    await free?.();
    return free !== undefined;
  }

  /** Names in the directory of parts, also of those that are being written. */
  async parts(): Promise<string[]> {
    return readdir(this.places.ingest);
  }

  /** Names in the directory of parts that nobody is writing. */
  async idleParts(): Promise<{ readonly name: string; readonly digest: Digest | undefined }[]> {
    const names = await readdir(this.places.ingest);
    return names
      .filter((name) => !this.newParts.has(name))
      .map((name) => ({ name, digest: digestOfPart(name) }))
      .filter(({ digest }) => digest === undefined || !this.turns.isTaken(digest));
  }

  private row(digest: Digest): BlobRow {
    const row = this.records.blob(digest);
    if (row?.state === 'ready') return row;
    throw new ImageError('blob_not_found', `blob ${digest} is not in the store`);
  }

  /** By its row; or by its file, which a crash left without one, and then it is hashed. In its turn. */
  private async isThere({ digest, size }: Promised, what: string): Promise<boolean> {
    const row = this.records.blob(digest);
    if (row?.state === 'ready') {
      if (row.size === size) return true;
      throw new ImageError('size_mismatch', `${what}: ${digest} has ${row.size} bytes, and is said to have ${size}`);
    }
    const place = this.places.blob(digest);
    const found = await verifyFile(place, digest, undefined);
    if (found !== 'sound') {
      if (found !== 'missing') await this.trash.discard(place);
      return false;
    }
    const real = (await stat(place)).size;
    await this.record(digest, real);
    return this.isThere({ digest, size }, what);
  }

  private async fetch(promised: Promised, source: Source, options: IngestOptions, what: string): Promise<number> {
    const path = this.places.part(promised.digest);
    const part = await PartFile.open(path, promised, what, options).catch((error: unknown) => {
      throw asImageError(error, what);
    });
    let fetched: number;
    try {
      await checkSpace(this.places.ingest, promised.size - part.size, what);
      fetched = await fillPart(part, source, options);
      await part.publish(this.places.blob(promised.digest));
    } catch (thrown) {
      const error = asImageError(thrown, what);
      if (part.size === 0 || isFinal(error)) await part.drop();
      else await part.keep().catch(() => part.drop());
      throw error;
    }
    await this.record(promised.digest, promised.size);
    return fetched;
  }

  /** The blob is in its place. Where the registry has no room for the row the blob goes again. */
  private async record(digest: Digest, size: number): Promise<void> {
    try {
      this.records.recordBlob(digest, size, this.stamps.next());
    } catch (error) {
      await unlink(this.places.blob(digest)).catch(ignoreAbsence);
      throw error;
    }
  }
}

const FINAL: ReadonlySet<ImageErrorCode> = new Set(['size_mismatch', 'digest_mismatch', 'too_large', 'disk_full']);

/** What came is wrong, or takes space that is needed. All else is weather: the next attempt goes on where this ended. */
function isFinal(error: unknown): boolean {
  return error instanceof ImageError && FINAL.has(error.code);
}

/** Of "<hex>.part"; undefined for all other names. */
function digestOfPart(name: string): Digest | undefined {
  const hex = name.endsWith('.part') ? name.slice(0, -'.part'.length) : '';
  const digest = `${hex.length === 64 ? 'sha256' : 'sha512'}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
