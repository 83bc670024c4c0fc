/** The context of a build: an archive into a directory of its own. Links in it never lead out of it. */
import { closeSync, constants, openSync } from 'node:fs';
import { O_PATH } from '../../../../native-bindings/directory-entries.ts';
import { SAME_IDS } from '../../../images/pack/id-maps.ts';
import { TreeWriter } from '../../../images/pack/tree-writer.ts';
import { decompressed } from '../../../images/unpack/decompress.ts';
import { type Incoming, unpack } from '../../files/extract-job.ts';
import { Bounded } from './bounded.ts';
import type { CopyJob } from './copy.ts';

/** Throws FileError, ImageError layer_invalid and too_large, the signal's reason, SystemError, and what Node throws. */
export async function contextJob(
  { directory }: CopyJob & { do: 'build-context' },
  { pieces, isLent, signal }: Incoming,
): Promise<void> {
  const root = openSync(directory, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const writer = treeWriter(root, { directory: root, path: '' });
    await unpack(writer, decompressed(pieces(), 'detect', signal, { isLent }), signal, new Bounded(writer));
  } finally {
    closeSync(root);
  }
}

/** A later entry of a name replaces an earlier one, of whatever kind; owners are those of the entries. */
export function treeWriter(root: number, place: { readonly directory: number; readonly path: string }): TreeWriter {
  return new TreeWriter({
    ...{ root, ...place, ids: SAME_IDS },
    ...{ overwriteKinds: true, keepOwners: true, check: () => undefined },
  });
}
