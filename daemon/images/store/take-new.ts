/** Content whose digest follows from what comes: layers of archives, what is committed, imported or made here. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type Digest, type DigestAlgorithm } from '../digest.ts';
import { ImageError } from '../errors.ts';
import { GatheringWriter } from './gathering-writer.ts';
import { FILE_MODE } from './store-places.ts';

/** `path`: of the file; `size`: bytes that are there and stay. */
export type OnWritten = (path: string, size: number) => void;

export interface NewContentOptions {
  /** Bytes; more is refused. */
  readonly maximum?: number;
  /** Bytes that are expected: refused at once where there is no room for them. */
  readonly size?: number;
  /** Told as the file grows, which may be read meanwhile. */
  readonly onWritten?: OnWritten;
  readonly algorithm?: DigestAlgorithm;
  /** Begins every message. */
  readonly what?: string;
}

/** Writes `stream` to the new file `path`. Throws ImageError too_large, the stream's errors, errors of fs. */
export async function takeNew(
  path: string,
  stream: AsyncIterable<Uint8Array>,
  { maximum = Number.MAX_SAFE_INTEGER, algorithm = 'sha256', what = 'new content', onWritten }: NewContentOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    const hash = createHash(algorithm);
    const writer = new GatheringWriter(file, 0, (size) => onWritten?.(path, size));
    let size = 0;
    for await (const piece of stream) {
      size += piece.length;
      if (size > maximum) throw new ImageError('too_large', `${what}: it has more than the ${maximum} bytes allowed`);
      hash.update(piece);
      await writer.add(piece);
    }
    await writer.flush();
    return { digest: `${algorithm}:${hash.digest('hex')}`, size };
  } finally {
    await file.close();
  }
}
