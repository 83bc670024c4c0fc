/**
 * COPY and ADD, done: entries of one root into another, as Docker places them. Both are opened by descriptor; names are
 * resolved inside of each by the kernel.
 */
import { closeSync, constants, fstatSync } from 'node:fs';
import { O_PATH } from '../../../../native-bindings/directory-entries.ts';
import { RESOLVE, openBelow } from '../../../../native-bindings/openat2.ts';
import { shown } from '../../../images/errors.ts';
import { FileError } from '../../../images/pack/file-error.ts';
import type { TreeWriter } from '../../../images/pack/tree-writer.ts';
import type { TarConsumer, TarEntry } from '../../../images/tar/entry.ts';
import { decompressed } from '../../../images/unpack/decompress.ts';
import { isSystemError } from '../../../images/unpack/remove-tree.ts';
import { unpack } from '../../files/extract-job.ts';
import { bytesOf } from '../../files/path.ts';
import { openView } from '../../files/view.ts';
import { LENT, isArchive } from './archive.ts';
import { Bounded } from './bounded.ts';
import { treeWriter } from './context-job.ts';
import type { CopyJob, CopyTarget } from './copy.ts';
import { breathing, entriesOf, readFile } from './entries.ts';
import { type Selected, selected } from './select.ts';

const INSIDE = RESOLVE.inRoot | RESOLVE.noMagicLinks;
const SET_USER = 0o4000;
const SET_GROUP = 0o2000;
const GROUP_RUNS = 0o010;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ROOT: Owner = { uid: 0, gid: 0 };

/** Throws FileError, ImageError, the signal's reason, SystemError, and what Node throws. */
export async function copyJob({ from, to }: CopyJob & { do: 'copy-files' }, signal: AbortSignal): Promise<void> {
  const source = openView(from.view, 'root');
  try {
    const target = openView(to.view, 'write');
    try {
      for (const each of selected(source.root, from.paths, from.hidden)) {
        await new Copy(target.root, to, signal).of(each, from);
      }
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

/** Throws FileError not_a_directory, and as copyJob(). */
export async function makeDirectoryJob({ view: source, path }: CopyJob & { do: 'make-directory' }): Promise<void> {
  const view = openView(source, 'write');
  try {
    await inPlace(view.root, componentsOf(path), (place) => {
      makeMissing(place, () => ROOT);
      place.writer.finish();
    });
  } finally {
    view.close();
  }
}

/** Where something goes: the last directory on the way that is there, and what is missing from there on. */
interface Place {
  readonly writer: TreeWriter;
  readonly missing: readonly string[];
}

/** Links on the way are followed, those of the root that is written to. */
async function inPlace(
  root: number,
  components: readonly string[],
  work: (place: Place) => Promise<void> | void,
): Promise<void> {
  const there = thereOf(root, components);
  const path = components.slice(0, there).join('/');
  const directory = openBelow(root, path === '' ? '.' : path, O_PATH | constants.O_DIRECTORY, INSIDE);
  try {
    await work({ writer: treeWriter(root, { directory, path }), missing: components.slice(there) });
  } finally {
    closeSync(directory);
  }
}

/** Of one source. */
class Copy {
  private readonly root: number;
  private readonly to: CopyTarget;
  private readonly signal: AbortSignal;

  constructor(root: number, to: CopyTarget, signal: AbortSignal) {
    this.root = root;
    this.to = to;
    this.signal = signal;
  }

  async of(source: Selected, { hidden, unpacks }: { hidden: readonly string[]; unpacks: boolean }): Promise<void> {
    const { fd, status, path } = source;
    const { owner } = this.to;
    const components = componentsOf(this.to.path);
    if (status.isDirectory()) {
      await inPlace(this.root, components, async (place) => {
        // the directory itself is the owner's where it is new, those on its way are root's
        makeMissing(place, (isLast) => (isLast ? owner : ROOT));
        await this.write(source, hidden, place, place.missing);
      });
    } else if (unpacks && status.isFile() && (await isArchive(fd, path, this.signal))) {
      await inPlace(this.root, components, async (place) => {
        makeMissing(place, () => ROOT);
        const placed = new Placed(new Bounded(place.writer), place.missing, {});
        const archive = decompressed(breathing(readFile(fd), this.signal), 'detect', this.signal, LENT);
        await unpack(place.writer, archive, this.signal, placed);
      });
    } else {
      const into = this.to.isDirectory || isDirectory(this.root, components);
      const whole = into ? [...components, path.slice(path.lastIndexOf('/') + 1)] : components;
      await inPlace(this.root, whole.slice(0, -1), async (place) => {
        makeMissing(place, () => owner);
        await this.write(source, [], place, [...place.missing, ...whole.slice(-1)]);
      });
    }
  }

  private async write(
    source: Selected,
    hidden: readonly string[],
    { writer }: Place,
    below: readonly string[],
  ): Promise<void> {
    const { owner, mode } = this.to;
    const { pieces, through } = entriesOf(source, hidden, this.signal);
    await unpack(writer, pieces, this.signal, through(new Placed(writer, below, { owner, mode })));
  }
}

/** Names below another directory; owners and modes that were asked for in place of those of the entries. */
class Placed implements TarConsumer {
  private readonly inner: TarConsumer;
  private readonly place: string;
  private readonly as: { readonly owner?: Owner; readonly mode?: number | undefined };

  constructor(
    inner: TarConsumer,
    place: readonly string[],
    as: { readonly owner?: Owner; readonly mode?: number | undefined },
  ) {
    this.inner = inner;
    this.place = place.join('/');
    this.as = as;
  }

  begin(entry: TarEntry): void {
    const { owner, mode } = this.as;
    this.inner.begin({
      ...entry,
      name: this.below(entry.name),
      target: entry.kind === 'link' ? this.below(entry.target) : entry.target,
      ...(owner === undefined ? {} : { ...owner, mode: unprivileged(entry) }),
      ...(mode === undefined || entry.kind === 'symlink' ? {} : { mode }),
    });
  }

  data(piece: Buffer, offset: number): void {
    this.inner.data(piece, offset);
  }

  end(): void {
    this.inner.end();
  }

  private below(name: string): string {
    return name === '' ? this.place || '.' : `${this.place || '.'}/${name}`;
  }
}

/** A change of owner takes from a program that it runs as its owner: chown(2). */
function unprivileged({ kind, mode }: TarEntry): number {
  if (kind === 'directory') return mode;
  return mode & ~(SET_USER | ((mode & GROUP_RUNS) === 0 ? 0 : SET_GROUP));
}

/** 0755 each. */
function makeMissing({ writer, missing }: Place, ownerOf: (isLast: boolean) => Owner): void {
  for (let at = 1; at <= missing.length; at++) {
    writer.begin(directoryEntry(missing.slice(0, at).join('/'), ownerOf(at === missing.length)));
    writer.end();
  }
}

/** So many of the components are there, as a directory. Throws FileError not_a_directory. */
function thereOf(root: number, components: readonly string[]): number {
  for (let at = 1; at <= components.length; at++) {
    const path = components.slice(0, at).join('/');
    try {
      closeSync(openBelow(root, path, O_PATH | constants.O_DIRECTORY, INSIDE));
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return at - 1;
      if (isSystemError(error, 'ENOTDIR')) {
        throw new FileError('not_a_directory', `/${shown(path)} is not a directory`, { cause: error });
      }
      throw error;
    }
  }
  return components.length;
}

function isDirectory(root: number, components: readonly string[]): boolean {
  let fd: number | undefined;
  try {
    fd = openBelow(root, components.join('/') || '.', O_PATH, INSIDE);
    return fstatSync(fd).isDirectory();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function componentsOf(path: string): string[] {
  return bytesOf(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
}

function directoryEntry(name: string, { uid, gid }: Owner): TarEntry {
  const now = { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 };
  return {
    ...{ kind: 'directory', name, target: '', mode: 0o755, uid, gid, size: 0, parts: undefined },
    ...{ modified: now, accessed: now, major: 0, minor: 0, xattrs: new Map() },
  };
}
