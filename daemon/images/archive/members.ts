/** The members of an archive that comes as a stream, one after the other, none of them kept. */
import { ImageError, shown } from '../errors.ts';
import type { TarEntry } from '../tar/entry.ts';
import { TarReader } from '../tar/reader.ts';

export interface ArchiveMember {
  readonly entry: TarEntry;
  /** Of a file: to be read once, before the next member is asked for; what is not read is passed over. */
  readonly content: AsyncIterable<Buffer>;
}

/** A member begins, has bytes, ends. */
type Step = TarEntry | Buffer | 'end';

/** In the words of what is read: the reader speaks of layers. */
function explained(error: unknown): unknown {
  if (!(error instanceof ImageError) || error.code !== 'layer_invalid') return error;
  const message = error.message.replace(/^the layer\b/, 'the archive');
  return new ImageError('archive_invalid', message, { cause: error });
}

class Steps {
  private readonly source: AsyncIterator<Buffer>;
  private readonly reader: TarReader;
  private found: Step[] = [];
  private at = 0;

  constructor(source: AsyncIterator<Buffer>) {
    this.source = source;
    this.reader = new TarReader({
      begin: (entry) => this.found.push(entry),
      data: (piece) => this.found.push(piece),
      end: () => this.found.push('end'),
    });
  }

  /** undefined: the archive has ended. */
  async next(): Promise<Step | undefined> {
    while (this.at === this.found.length) {
      this.found = [];
      this.at = 0;
      const piece = await this.source.next().catch((error: unknown) => {
        throw explained(error);
      });
      try {
        if (piece.done === true) {
          this.reader.finish();
          return undefined;
        }
        this.reader.push(piece.value);
      } catch (error) {
        throw explained(error);
      }
    }
    return this.found[this.at++];
  }
}

/**
 * `source`: the archive's uncompressed bytes; its pieces are not used again. Read to its end, also behind the archive's.
 * Throws ImageError archive_invalid, and what the source throws.
 */
export async function* archiveMembers(source: AsyncIterable<Buffer>): AsyncGenerator<ArchiveMember> {
  const iterator = source[Symbol.asyncIterator]();
  const steps = new Steps(iterator);
  let isInside = false;
  const rest = async function* (): AsyncGenerator<Buffer> {
    while (isInside) {
      const step = await steps.next();
      if (Buffer.isBuffer(step)) yield step;
      else isInside = false;
    }
  };
  try {
    for (;;) {
      while (isInside) isInside = Buffer.isBuffer(await steps.next());
      const entry = await steps.next();
      if (entry === undefined) return;
      if (Buffer.isBuffer(entry) || entry === 'end') throw new Error('a member that did not begin');
      if (entry.parts !== undefined) {
        throw new ImageError('archive_invalid', `the archive's ${shown(entry.name)} is stored sparse`);
      }
      isInside = true;
      yield { entry, content: { [Symbol.asyncIterator]: rest } };
    }
  } finally {
    await iterator.return?.();
  }
}
