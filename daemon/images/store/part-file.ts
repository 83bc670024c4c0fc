/**
 * Content on its way into the store: written to a file of its own, hashed as it is written, and renamed into its place
 * when it is what was promised. What an earlier attempt left is hashed again before anything is added to it.
 */
import { constants } from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { DigestVerifier } from '../digest.ts';
import { ImageError } from '../errors.ts';
import type { Descriptor } from '../manifest/descriptor.ts';
import { GatheringWriter } from './gathering-writer.ts';
import type { OnWritten } from './take-new.ts';
import { FILE_MODE } from './store-places.ts';

const READ_SIZE = 256 * 1024;

export type Promised = Pick<Descriptor, 'digest' | 'size'>;

interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** After a restart it tells of less than before. */
  readonly onWritten?: OnWritten | undefined;
}

export class PartFile {
  /** Begins every message. */
  readonly what: string;
  private readonly path: string;
  private readonly promised: Promised;
  private readonly file: FileHandle;
  private verifier: DigestVerifier;
  private writer: GatheringWriter;

  private readonly onWritten: ((size: number) => void) | undefined;

  private constructor(path: string, promised: Promised, what: string, file: FileHandle, onWritten?: OnWritten) {
    this.path = path;
    this.promised = promised;
    this.what = what;
    this.file = file;
    this.verifier = new DigestVerifier(promised.digest);
    this.onWritten = onWritten === undefined ? undefined : (size) => onWritten(path, size);
    this.writer = new GatheringWriter(file, 0, this.onWritten);
  }

  /** Opens or makes the file, and hashes what is there. Throws errors of fs. */
  static async open(path: string, promised: Promised, what: string, options: OpenOptions = {}): Promise<PartFile> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(path, flags, FILE_MODE);
    const part = new PartFile(path, promised, what, file, options.onWritten);
    try {
      await part.takeUp(options.signal);
      return part;
    } catch (error) {
      await part.file.close();
      throw error;
    }
  }

  /** Bytes that are there: from where the source is to go on. */
  get size(): number {
    return this.verifier.size;
  }

  get isComplete(): boolean {
    return this.size === this.promised.size;
  }

  /** The piece is the part's from now on. Throws ImageError size_mismatch, and errors of fs. */
  async append(piece: Uint8Array): Promise<void> {
    if (this.size + piece.length > this.promised.size) {
      throw new ImageError(
        'size_mismatch',
        `${this.what}: there is more of it than the ${this.promised.size} bytes said`,
      );
    }
    this.verifier.update(piece);
    await this.writer.add(piece);
  }

  /** Throws ImageError size_mismatch or digest_mismatch. May be called once, unless restart() comes between. */
  verify(): void {
    if (!this.isComplete) {
      throw new ImageError(
        'size_mismatch',
        `${this.what}: it ended after ${this.size} of the ${this.promised.size} bytes said`,
      );
    }
    this.verifier.verify(this.what);
  }

  /** Forgets what is there. */
  async restart(): Promise<void> {
    this.verifier = new DigestVerifier(this.promised.digest);
    this.writer = new GatheringWriter(this.file, 0, this.onWritten);
    // before the first bytes that are other than those that were read
    this.onWritten?.(0);
    await this.file.truncate(0);
  }

  /** To its place, whole; the part is closed. */
  async publish(place: string): Promise<void> {
    await this.writer.flush();
    await this.file.close();
    await rename(this.path, place);
  }

  /** Closes it; what came is left for the next attempt. */
  async keep(): Promise<void> {
    try {
      await this.writer.flush();
    } finally {
      await this.file.close();
    }
  }

  /** Closes it, and away with it. May be called after publish() or keep() failed. */
  async drop(): Promise<void> {
    await this.file.close();
    await unlink(this.path).catch(ignoreAbsence);
  }

  private async takeUp(signal: AbortSignal | undefined): Promise<void> {
    const { size } = await this.file.stat();
    if (size > this.promised.size) {
      await this.restart();
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, size));
    while (this.size < size) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.file.read(buffer, 0, Math.min(buffer.length, size - this.size), this.size);
      if (bytesRead === 0) throw new Error(`${this.path} ended before its size`);
      this.verifier.update(buffer.subarray(0, bytesRead));
    }
    this.writer = new GatheringWriter(this.file, size, this.onWritten);
  }
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
