/**
 * Fills a volume with what an image has where it is mounted: copied beside it, then moved in entry by entry, so that a
 * kill in between leaves either nothing of it, or a whole copy that the next start goes on to move. What is in the volume
 * already stays, and links in it lead nowhere: it may be a container's by now. For a thread: it blocks.
 */
import { closeSync, fchmodSync, fchownSync, fstatSync, opendirSync, renameSync } from 'node:fs';
import { makeDirectoryAt, openAt } from '../../../../native-bindings/directory-entries.ts';
import { setTimes } from '../../../../native-bindings/utimensat.ts';
import { setXattr } from '../../../../native-bindings/xattr.ts';
import { timestamp } from '../../../images/unpack/directories.ts';
import { DIRECTORY, openDirectory, removeAt } from '../../../images/unpack/remove-tree.ts';
import { LayeredRoot } from '../../from-image/layered-root.ts';
import { entryPath } from '../../from-image/merged-entry.ts';
import { copyTree, copyXattrs, isThere } from './copy-tree.ts';

/** Beside `data`, in the volume's directory, which nobody else walks into. */
const COPYING = 'copying';
const COPIED = 'copied';
const DATA = 'data';

export interface FillJob {
  /** Directories of the image's layers, the topmost first. */
  readonly layers: readonly string[];
  /** Where the volume is mounted. */
  readonly destination: string;
  /** The volume's directory. */
  readonly volume: string;
}

/** Throws SystemError, what Node throws, UnreadableFile, RangeError. What was copied is gone then. */
export function fill({ layers, destination, volume }: FillJob): void {
  const place = openAt(AT_FDCWD, volume, DIRECTORY);
  const data = openAt(place, DATA, DIRECTORY);
  try {
    if (!isThere(place, COPIED)) {
      removeAt(place, COPYING);
      if (!isEmpty(data) || !copy(place, layers, destination)) return;
    }
    moveIn(place, data);
  } catch (error) {
    removeAt(place, COPYING);
    throw error;
  } finally {
    closeSync(data);
    closeSync(place);
  }
}

const AT_FDCWD = -100;

/** False: the image has no directory there. */
function copy(place: number, layers: readonly string[], destination: string): boolean {
  const root = new LayeredRoot(layers);
  try {
    const { found } = root.resolve(destination);
    if (found.kind !== 'directory') return false;
    makeDirectoryAt(place, COPYING, 0o700);
    const to = openAt(place, COPYING, DIRECTORY);
    try {
      copyTree(found, to);
    } finally {
      closeSync(to);
    }
    renameSync(entryPath(place, COPYING), entryPath(place, COPIED));
    return true;
  } finally {
    root.close();
  }
}

function moveIn(place: number, data: number): void {
  const copied = openDirectory(place, COPIED);
  if (typeof copied !== 'number') return;
  try {
    const status = fstatSync(copied, { bigint: true });
    for (const name of names(copied)) {
      if (!isThere(data, name)) renameSync(entryPath(copied, name), entryPath(data, name));
    }
    fchownSync(data, Number(status.uid), Number(status.gid));
    fchmodSync(data, Number(status.mode & 0o7777n));
    copyXattrs(copied, (name, value) => setXattr(data, name, value));
    setTimes(data, timestamp(status.atimeNs), timestamp(status.mtimeNs));
  } finally {
    closeSync(copied);
  }
  removeAt(place, COPIED);
}

/** By which the attributes of an open directory are read: a path that ends at the directory, not at a link to it. */
function ownPath(fd: number): string {
  return `/proc/self/fd/${fd}/.`;
}

function isEmpty(fd: number): boolean {
  const directory = opendirSync(ownPath(fd));
  try {
    return directory.readSync() === null;
  } finally {
    directory.closeSync();
  }
}

function names(fd: number): string[] {
  const all: string[] = [];
  const directory = opendirSync(ownPath(fd), { encoding: 'latin1' });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) all.push(entry.name);
  } finally {
    directory.closeSync();
  }
  return all;
}
