/** The unpacking of one layer in the thread that calls it, which has nothing else to do. */
import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, fchownSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { O_PATH } from '../../../native-bindings/directory-entries.ts';
import { syncFileSystem } from '../../../native-bindings/syncfs.ts';
import { ImageError } from '../errors.ts';
import { decompressed } from './decompress.ts';
import type { LayerJob, Limits, Progress, UnpackedLayer } from './job.ts';
import { LayerWriter } from './layer-writer.ts';
import { LowerLayers } from './lower.ts';
import { readable, refused } from './path.ts';
import { DIRECTORY, removeAt } from './remove-tree.ts';
import { TarReader } from '../tar/reader.ts';

export interface Surroundings {
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
}

/** What the kernel says of an archive that asks for too much, in words about the layer. */
function explained(error: unknown, { directory }: LayerJob, entry: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const cause = { cause: error };
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new ImageError(
      'disk_full',
      `no space is left to unpack the layer's ${readable(entry)} to ${directory}`,
      cause,
    );
  }
  const tooMuch: Readonly<Record<string, string>> = {
    EFBIG: 'is larger than the file system allows',
    EMLINK: 'has more links than the file system allows',
    E2BIG: 'has an attribute that is too large',
    ERANGE: 'has an attribute whose name is too long',
    EINVAL: 'has a value that the kernel does not take',
  };
  const why = tooMuch[String(error.code)];
  return why === undefined ? error : refused(entry, why, cause);
}

function check({ size = Infinity, entries = Infinity }: Limits, { size: found, entries: made }: Progress): void {
  if (found > size) throw new ImageError('too_large', `the layer is larger than ${String(size)} bytes uncompressed`);
  if (made > entries) throw new ImageError('too_large', `the layer has more than ${String(entries)} entries`);
}

async function read(
  job: LayerJob,
  source: AsyncIterable<Buffer>,
  writer: LayerWriter,
  { signal, progress }: Surroundings,
): Promise<UnpackedLayer> {
  const hash = job.hash === false ? undefined : createHash('sha256');
  const reader = new TarReader(writer);
  let [taken, size] = [0, 0];
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      taken += piece.length;
      yield piece;
    }
  };
  const archive = decompressed(counted(), job.compression, signal, { here: true });
  for await (const piece of archive) {
    signal.throwIfAborted();
    size += piece.length;
    hash?.update(piece);
    check(job.limits ?? {}, { read: taken, size, entries: writer.entries });
    reader.push(piece);
    progress({ read: taken, size, entries: writer.entries });
  }
  reader.finish();
  check(job.limits ?? {}, { read: taken, size, entries: writer.entries });
  const diffId = hash === undefined ? undefined : (`sha256:${hash.digest('hex')}` as const);
  if (job.diffId !== undefined && diffId !== job.diffId) {
    throw new ImageError('digest_mismatch', `the layer's diff id is ${diffId ?? 'not known'}, not ${job.diffId}`);
  }
  const { entries, rootDescribed, rootOpaque, leftOut } = writer;
  return { diffId, size, entries, implied: writer.finish(), rootDescribed, rootOpaque, leftOut: [...leftOut].sort() };
}

/** Takes what is at the path and all below it; the path's parent is followed as it stands. Throws SystemError, and what Node throws. */
export function removeTree(path: string): void {
  const parent = openSync(dirname(path), O_PATH);
  try {
    removeAt(parent, Buffer.from(basename(path)).toString('latin1'));
  } finally {
    closeSync(parent);
  }
}

/**
 * Fills `job.directory`, which is there and empty, from the layer's bytes; it is removed when this fails.
 *
 * @throws ImageError layer_invalid, too_large, digest_mismatch, disk_full; the signal's reason; SystemError, and what Node throws
 */
export async function unpackHere(
  job: LayerJob,
  source: AsyncIterable<Buffer>,
  surroundings: Surroundings,
): Promise<UnpackedLayer> {
  try {
    const lower = new LowerLayers(job.parents ?? []);
    try {
      return await fill(job, source, lower, surroundings);
    } finally {
      lower.close();
    }
  } catch (error) {
    removeTree(job.directory);
    throw error;
  }
}

async function fill(
  job: LayerJob,
  source: AsyncIterable<Buffer>,
  lower: LowerLayers,
  surroundings: Surroundings,
): Promise<UnpackedLayer> {
  const root = openSync(job.directory, DIRECTORY);
  const writer = new LayerWriter(root, lower.describe);
  try {
    fchownSync(root, 0, 0);
    fchmodSync(root, 0o755);
    const layer = await read(job, source, writer, surroundings);
    if (job.sync === true) sync(job.directory);
    return layer;
  } catch (error) {
    writer.abandon();
    throw explained(error, job, writer.current);
  }
}

function sync(directory: string): void {
  const fd = openSync(directory, DIRECTORY);
  try {
    syncFileSystem(fd);
  } finally {
    closeSync(fd);
  }
}
