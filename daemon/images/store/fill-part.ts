/** Brings a part to its end from a source that can go on in the middle. */
import { ImageError } from '../errors.ts';
import type { PartFile } from './part-file.ts';
import type { OnWritten } from './take-new.ts';

export interface Content {
  /** The byte that the stream begins with: what was asked for, or 0 where the source cannot go on. */
  readonly from: number;
  /** Pieces are not used again by the source. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/** Content from byte `from` on. The source itself ends, with the reason, when `signal` is aborted. */
export type Source = (from: number, signal: AbortSignal | undefined) => Content | Promise<Content>;

export interface IngestOptions {
  /** Begins every message; "blob sha256:…" if not said. */
  readonly what?: string;
  readonly signal?: AbortSignal;
  /** Bytes that are there, first those of an earlier attempt. */
  readonly onProgress?: (size: number) => void;
  /** Told as the file grows, which may be read meanwhile; where it tells of less than before, all is written anew. */
  readonly onWritten?: OnWritten;
}

function isMismatch(error: unknown): boolean {
  return error instanceof ImageError && (error.code === 'digest_mismatch' || error.code === 'size_mismatch');
}

/**
 * Fetches what is missing and verifies all of it; gives the bytes fetched. Where the whole is wrong and some of it was
 * there before, that may be what is wrong: all is fetched once more. Throws as PartFile does, and the source's errors.
 */
export async function fillPart(part: PartFile, source: Source, options: IngestOptions): Promise<number> {
  let fetched = 0;
  for (;;) {
    const before = part.size;
    options.onProgress?.(before);
    let from = before;
    try {
      if (!part.isComplete) {
        const content = await source(before, options.signal);
        from = content.from;
        fetched += await goOn(part, content, options);
      }
      part.verify();
      return fetched;
    } catch (error) {
      const isOfOld = before > 0 && from > 0;
      if (!isOfOld || !isMismatch(error)) throw error;
      await part.restart();
    }
  }
}

async function goOn(part: PartFile, content: Content, options: IngestOptions): Promise<number> {
  if (content.from === 0 && part.size > 0) await part.restart();
  if (content.from !== part.size) {
    throw new ImageError(
      'size_mismatch',
      `${part.what}: asked for byte ${part.size}, its source went on at ${content.from}`,
    );
  }
  const before = part.size;
  for await (const piece of content.stream) {
    options.signal?.throwIfAborted();
    await part.append(piece);
    options.onProgress?.(part.size);
  }
  return part.size - before;
}
