/** An archive into a directory of a container. */
import { closeSync, fstatSync } from 'node:fs';
import { makeFilesFor } from '../../../native-bindings/file-identity.ts';
import { shown } from '../../images/errors.ts';
import { FileError, readablePath } from '../../images/pack/file-error.ts';
import { toHost } from '../../images/pack/id-maps.ts';
import { pseudoFileSystemOf } from '../../images/pack/pseudo-files.ts';
import { TreeWriter } from '../../images/pack/tree-writer.ts';
import type { TarConsumer } from '../../images/tar/entry.ts';
import { TarReader } from '../../images/tar/reader.ts';
import { decompressed } from '../../images/unpack/decompress.ts';
import type { Job } from './jobs.ts';
import { bytesOf, openPath } from './path.ts';
import { type View, openView } from './view.ts';

export interface Incoming {
  /** Asked once, when the archive is wanted. */
  readonly pieces: () => AsyncIterable<Buffer>;
  /** Each piece only until the next is asked for. */
  readonly isLent: boolean;
  readonly signal: AbortSignal;
}

/** Throws FileError, ImageError layer_invalid, the signal's reason, SystemError, LostThread, and what Node throws. */
export async function extractJob(
  { view: source, query }: Job & { do: 'extract' },
  { pieces, isLent, signal }: Incoming,
): Promise<void> {
  const view = openView(source, 'write');
  const { users, groups } = source.ids;
  const asRoot = users.length === 0 ? undefined : makeFilesFor(toHost(users, 0) ?? 0, toHost(groups, 0) ?? 0);
  try {
    const { fd, status } = openPath(view, query.path, { follow: true });
    try {
      if (!status.isDirectory()) throw new FileError('not_a_directory', `${shown(query.path)} is not a directory`);
      const writer = new TreeWriter({
        root: view.root,
        directory: fd,
        path: bytesOf(query.path).replace(/^\/+/, ''),
        ids: source.ids,
        overwriteKinds: query.overwriteKinds === true,
        keepOwners: query.keepOwners === true,
        check: (directory) => checkWritable(view, directory, query.path),
      });
      await unpack(writer, decompressed(pieces(), 'detect', signal, { isLent }), signal);
    } finally {
      closeSync(fd);
    }
  } finally {
    asRoot?.();
    view.close();
  }
}

/**
 * An archive to its end, and the writer's. `consumer`: what passes its entries on to the writer. Throws as extractJob(), in
 * words about the entry in hand.
 */
export async function unpack(
  writer: TreeWriter,
  archive: AsyncIterable<Buffer>,
  signal: AbortSignal,
  consumer: TarConsumer = writer,
): Promise<void> {
  try {
    const reader = new TarReader(consumer);
    for await (const piece of archive) {
      signal.throwIfAborted();
      reader.push(piece);
    }
    reader.finish();
    writer.finish();
  } catch (error) {
    writer.abandon();
    throw explained(error, writer.current);
  }
}

function checkWritable(view: View, directory: number, path: string): void {
  if (view.absent.has(fstatSync(directory, { bigint: true }).dev)) {
    throw new FileError('unsupported', `${shown(path)} leads to a mount that is there only while the container runs`);
  }
  const pseudo = pseudoFileSystemOf(directory);
  if (pseudo !== undefined)
    throw new FileError('unsupported', `${shown(path)} leads to ${pseudo}, to which nothing is copied`);
}

const MEANINGS: Readonly<Record<string, readonly [code: FileError['code'], what: string]>> = {
  EROFS: ['path_read_only', 'is on what is mounted read-only'],
  ENOSPC: ['disk_full', 'finds no space left'],
  EDQUOT: ['disk_full', 'finds no space left'],
  EXDEV: ['archive_invalid', 'is a hard link to another file system'],
  EFBIG: ['archive_invalid', 'is larger than the file system allows'],
  EMLINK: ['archive_invalid', 'has more links than the file system allows'],
  E2BIG: ['archive_invalid', 'has an attribute that is too large'],
  ERANGE: ['archive_invalid', 'has an attribute whose name is too long'],
  EINVAL: ['archive_invalid', 'has a value that the kernel does not take'],
  ETXTBSY: ['path_is_busy', 'is a program that runs'],
  EOVERFLOW: ['unsupported', 'would lie in a directory of somebody whom the container does not know'],
  EPERM: ['path_is_busy', 'must not be changed'],
};

/** What the kernel says, in words about the entry in hand. */
function explained(error: unknown, entry: string): unknown {
  if (error instanceof FileError || !(error instanceof Error) || !('code' in error)) return error;
  const [code, what] = MEANINGS[String(error.code)] ?? [];
  if (code === undefined || what === undefined) return error;
  return new FileError(code, `${readablePath(entry)} ${what}`, { cause: error });
}
