/** An archive of a stranger's is unpacked up to a bound: a few kilobytes can stand for any number of files, and of bytes. */
import { ImageError } from '../../../images/errors.ts';
import type { TarConsumer, TarEntry } from '../../../images/tar/entry.ts';

const GIB = 1024 ** 3;
/** What is sent as a context, or unpacked by one ADD. */
export const UNPACKED_MAX = { bytes: 32 * GIB, entries: 1_000_000 };

export class Bounded implements TarConsumer {
  private readonly inner: TarConsumer;
  private entries = 0;
  private bytes = 0;

  constructor(inner: TarConsumer) {
    this.inner = inner;
  }

  /** Throws ImageError too_large, and what the inner one throws; so do the others. */
  begin(entry: TarEntry): void {
    if (++this.entries > UNPACKED_MAX.entries) {
      throw new ImageError('too_large', `the archive has more than ${UNPACKED_MAX.entries} entries`);
    }
    this.inner.begin(entry);
  }

  data(piece: Buffer, offset: number): void {
    this.bytes += piece.length;
    if (this.bytes > UNPACKED_MAX.bytes) {
      throw new ImageError('too_large', `the archive is larger than ${UNPACKED_MAX.bytes} bytes`);
    }
    this.inner.data(piece, offset);
  }

  end(): void {
    this.inner.end();
  }
}
