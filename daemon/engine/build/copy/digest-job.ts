/** What a COPY would copy, as a digest: the same files give the same, whenever and by whomever they were made. */
import { createHash, type Hash } from 'node:crypto';
import { FileError } from '../../../images/pack/file-error.ts';
import type { TarConsumer, TarEntry } from '../../../images/tar/entry.ts';
import { TarReader } from '../../../images/tar/reader.ts';
import { openView } from '../../files/view.ts';
import { UNPACKED_MAX } from './bounded.ts';
import type { CopyDigest, CopyJob } from './copy.ts';
import { entriesOf } from './entries.ts';
import { selected } from './select.ts';

/** Throws FileError path_not_found where nothing is selected; as selected() and entriesOf() do. */
export async function digestJob(
  { from }: CopyJob & { do: 'copy-digest' },
  signal: AbortSignal,
): Promise<CopyDigest> {
  const view = openView(from.view, 'root');
  try {
    const all = createHash('sha256');
    let [count, kind]: [number, CopyDigest['kind']] = [0, 'file'];
    for (const source of selected(view.root, from.paths, from.hidden)) {
      count++;
      kind = source.status.isDirectory() ? 'dir' : 'file';
      const hashes = new EntryHashes();
      const { pieces, through } = entriesOf(source, from.hidden, signal);
      const reader = new TarReader(through(hashes));
      for await (const piece of pieces) reader.push(piece);
      reader.finish();
      // a single file is called after its path
      const name = kind === 'dir' ? '' : source.path.slice(source.path.lastIndexOf('/') + 1);
      all.update(`${kind}\0${name}\0`, 'latin1').update(hashes.digest());
    }
    if (count === 0) throw new FileError('path_not_found', 'no source files were specified');
    return { digest: all.digest('hex'), kind: count > 1 ? 'multi' : kind };
  } finally {
    view.close();
  }
}

/** A directory tells its entries in no order: each is hashed by itself. */
class EntryHashes implements TarConsumer {
  private readonly hashes: string[] = [];
  private hash: Hash | undefined;

  begin(entry: TarEntry): void {
    if (this.hashes.length >= UNPACKED_MAX.entries) {
      throw new FileError('unsupported', `there are more than ${String(UNPACKED_MAX.entries)} files`);
    }
    const { name, kind, mode, size, target, major, minor, xattrs } = entry;
    const attributes = [...xattrs].map(([key, value]) => [key, value.toString('base64')]).sort();
    const parts = entry.parts?.map(({ offset, length }) => [offset, length]) ?? null;
    this.hash = createHash('sha256');
    this.hash.update(JSON.stringify([name, kind, mode, size, target, major, minor, attributes, parts]), 'latin1');
  }

  data(piece: Buffer): void {
    this.hash?.update(piece);
  }

  end(): void {
    if (this.hash !== undefined) this.hashes.push(this.hash.digest('binary'));
    this.hash = undefined;
  }

  digest(): Buffer {
    const all = createHash('sha256');
    for (const hash of this.hashes.sort()) all.update(hash, 'latin1');
    return all.digest();
  }
}
