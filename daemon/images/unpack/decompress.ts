/** A layer's bytes as a tar archive. Decompression runs on libuv's threads, some pieces ahead of who reads. */
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { ImageError } from '../errors.ts';
import { zstdFrames } from './zstd-frames.ts';

/** `detect`: by the first bytes, for archives whose descriptors tell nothing. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'detect';

const PIECE = 128 * 1024;
/** 128 MiB, what a stream may ask for without being told otherwise (ZSTD_WINDOWLOG_LIMIT_DEFAULT of zstd.h). */
const WINDOW_LOG = 27;

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** "P*M\x18" and 15 more: zstd may begin with a skippable frame. */
const ZSTD_SKIPPABLE = Buffer.from([0x2a, 0x4d, 0x18]);

/** By its first four bytes. */
export function compressionOf(first: Buffer): 'none' | 'gzip' | 'zstd' {
  if (first.subarray(0, 2).equals(GZIP)) return 'gzip';
  const skippable = ((first[0] ?? 0) & 0xf0) === 0x50 && first.subarray(1, 4).equals(ZSTD_SKIPPABLE);
  return skippable || first.subarray(0, 4).equals(ZSTD) ? 'zstd' : 'none';
}

async function peek(source: AsyncIterable<Buffer>, count: number): Promise<[Buffer, AsyncIterable<Buffer>]> {
  const iterator = source[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      yield first;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  };
  return [first, all()];
}

function unsound(compression: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^(?:Z_|ZSTD_)/.test(code)) return error;
  const why = code === 'Z_BUF_ERROR' ? 'it is cut off' : (error as Error).message.toLowerCase();
  return new ImageError('layer_invalid', `the layer is not sound ${compression}: ${why}`, { cause: error });
}

/**
 * The uncompressed bytes in pieces. Throws ImageError layer_invalid, what `source` throws, and the signal's reason.
 */
export async function* decompressed(
  source: AsyncIterable<Buffer>,
  compression: Compression,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (compression === 'detect') {
    const [first, all] = await peek(source, ZSTD.length);
    yield* decompressed(all, compressionOf(first), signal);
    return;
  }
  if (compression === 'none') {
    yield* source;
    return;
  }
  const options = { chunkSize: PIECE, highWaterMark: 2 * PIECE };
  const stream =
    compression === 'gzip'
      ? createGunzip(options)
      : createZstdDecompress({ ...options, params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } });
  const written = pipeline(compression === 'gzip' ? source : zstdFrames(source), stream, { signal });
  // The reader below meets the same error.
  written.catch(() => undefined);
  try {
    for await (const piece of stream) yield piece as Buffer;
    await written;
  } catch (error) {
    throw unsound(compression, error);
  }
}
