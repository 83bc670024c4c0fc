/**
 * A layer's bytes as a tar archive. Decompression runs on libuv's threads, some pieces ahead of who reads; of gzip, where
 * the caller is a thread that has nothing else to do, right there.
 */
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { GzipInflater, InflateError } from '../../../native-bindings/inflate.ts';
import { ImageError } from '../errors.ts';
import { zstdFrames } from './zstd-frames.ts';

/** `detect`: by the first bytes, for archives whose descriptors tell nothing. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'detect';

const PIECE = 128 * 1024;
/** Of an own thread: after so many bytes it looks whether there are messages for it. */
const BREATH = 8 * 1024 * 1024;
/** 128 MiB, what a stream may ask for without being told otherwise (ZSTD_WINDOWLOG_LIMIT_DEFAULT of zstd.h). */
const WINDOW_LOG = 27;

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** "P*M\x18" and 15 more: zstd may begin with a skippable frame. */
const ZSTD_SKIPPABLE = Buffer.from([0x2a, 0x4d, 0x18]);

/** What others begin with (their file formats; of bzip2 with the first block's mark): known, to be told by name. */
const OTHERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^\xfd7zXZ\0/, 'xz'],
  [/^BZh[1-9]1AY&SY/, 'bzip2'],
];
/** Of them, at most. */
const BEGINNING = 10;

/** By its first four bytes. */
export function compressionOf(first: Buffer): 'none' | 'gzip' | 'zstd' {
  if (first.subarray(0, 2).equals(GZIP)) return 'gzip';
  const skippable = ((first[0] ?? 0) & 0xf0) === 0x50 && first.subarray(1, 4).equals(ZSTD_SKIPPABLE);
  return skippable || first.subarray(0, 4).equals(ZSTD) ? 'zstd' : 'none';
}

/** The first bytes, and all of them. */
async function peek(source: AsyncIterable<Buffer>, count: number): Promise<[Buffer, AsyncIterable<Buffer>]> {
  const iterator = source[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  let isGiven = false;
  const next = (): Promise<IteratorResult<Buffer>> => {
    if (isGiven) return iterator.next();
    isGiven = true;
    return Promise.resolve({ value: first });
  };
  return [first, { [Symbol.asyncIterator]: () => ({ next, return: () => ended(iterator) }) }];
}

async function ended(iterator: AsyncIterator<Buffer> | undefined): Promise<IteratorResult<Buffer>> {
  await iterator?.return?.();
  return { done: true, value: undefined };
}

function broken(compression: string, why: string, cause?: unknown): ImageError {
  return new ImageError('layer_invalid', `the layer is not sound ${compression}: ${why}`, { cause });
}

function unsound(compression: string, error: unknown): unknown {
  if (error instanceof InflateError) return broken(compression, error.message.toLowerCase(), error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^(?:Z_|ZSTD_)/.test(code)) return error;
  return broken(compression, code === 'Z_BUF_ERROR' ? 'it is cut off' : (error as Error).message.toLowerCase(), error);
}

/** Pieces are lent until the next is asked for; those of `source` may be, too. */
async function* gunzippedHere(source: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const inflater = new GzipInflater(PIECE);
  let breath = 0;
  try {
    for await (const input of source) {
      inflater.give(input);
      for (let piece = inflater.take(); piece !== undefined; piece = inflater.take()) {
        yield piece;
        breath += piece.length;
        if (breath < BREATH) continue;
        breath = 0;
        await setImmediate();
        signal.throwIfAborted();
      }
    }
    if (!inflater.isWhole) throw broken('gzip', 'it is cut off');
  } catch (error) {
    throw unsound('gzip', error);
  } finally {
    inflater.close();
  }
}

interface DecompressOptions {
  /**
   * On a thread of its own, which may be held up: pieces are lent until the next is asked for, and those of a source that
   * is known to be gzip or not compressed may be.
   */
  readonly here?: boolean;
  /** A piece of the source is there only until the next is asked for; then the same goes for what is given. */
  readonly isLent?: boolean;
}

async function* kept(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of source) yield Buffer.from(piece);
}

/**
 * The uncompressed bytes in pieces. What is not compressed goes through as it is, without a generator in between: those cost
 * as much as the copying of many bytes. Throws ImageError layer_invalid, what `source` throws, and the signal's reason.
 */
export function decompressed(
  source: AsyncIterable<Buffer>,
  compression: Compression,
  signal: AbortSignal,
  options: DecompressOptions = {},
): AsyncIterable<Buffer> {
  if (compression === 'none') return source;
  if (compression === 'detect') return detected(source, signal, options);
  if (compression === 'gzip' && options.here === true) return gunzippedHere(source, signal);
  return throughStream(source, compression, signal, options);
}

function detected(
  source: AsyncIterable<Buffer>,
  signal: AbortSignal,
  options: DecompressOptions,
): AsyncIterable<Buffer> {
  let found: AsyncIterator<Buffer> | undefined;
  const begin = async (): Promise<IteratorResult<Buffer>> => {
    const [first, all] = await peek(source, BEGINNING);
    const other = OTHERS.find(([pattern]) => pattern.test(first.toString('latin1')));
    if (other !== undefined) {
      throw new ImageError('layer_invalid', `the archive is compressed with ${other[1]}, which is not unpacked here`);
    }
    found = decompressed(all, compressionOf(first), signal, options)[Symbol.asyncIterator]();
    return found.next();
  };
  const next = (): Promise<IteratorResult<Buffer>> => (found === undefined ? begin() : found.next());
  return { [Symbol.asyncIterator]: () => ({ next, return: () => ended(found) }) };
}

async function* throughStream(
  source: AsyncIterable<Buffer>,
  compression: 'gzip' | 'zstd',
  signal: AbortSignal,
  options: DecompressOptions,
): AsyncGenerator<Buffer> {
  const pieces = { chunkSize: PIECE, highWaterMark: 2 * PIECE };
  const stream =
    compression === 'gzip'
      ? createGunzip(pieces)
      : createZstdDecompress({ ...pieces, params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } });
  const input = options.isLent === true ? kept(source) : source;
  const written = pipeline(compression === 'gzip' ? input : zstdFrames(input), stream, { signal });
  // The reader below meets the same error.
  written.catch(() => undefined);
  try {
    for await (const piece of stream) yield piece as Buffer;
    await written;
  } catch (error) {
    throw unsound(compression, error);
  }
}
