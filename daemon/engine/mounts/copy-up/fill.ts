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

interface Names {
  readonly copying: string;
  readonly copied: string;
  /** What is filled. */
  readonly data: string;
}

/** Beside `data`, in the volume's directory, which nobody else walks into. */
const BESIDE: Names = { copying: 'copying', copied: 'copied', data: 'data' };
/** In the device, as what is beside it may be another file system; only while it is filled. */
export const INSIDE: Names = { copying: '.tare-copying', copied: '.tare-copied', data: '.' };

export interface FillJob {
  /** Directories of the image's layers, the topmost first. */
  readonly layers: readonly string[];
  /** Where the volume is mounted. */
  readonly destination: string;
  /** The volume's directory; of one that is a directory of the host, the real path of that. */
  readonly volume: string;
  readonly isDevice: boolean;
}

/** Throws SystemError, what Node throws, UnreadableFile, RangeError. What was copied is gone then. */
export function fill({ layers, destination, volume, isDevice }: FillJob): void {
  const names = isDevice ? INSIDE : BESIDE;
  const place = openAt(AT_FDCWD, volume, DIRECTORY);
  const data = openAt(place, names.data, DIRECTORY);
  try {
    if (!isThere(place, names.copied)) {
      removeAt(place, names.copying);
      if (!isEmpty(data) || !copy(place, names, { layers, destination })) return;
    }
    moveIn(place, names, data);
  } catch (error) {
    removeAt(place, names.copying);
    throw error;
  } finally {
    closeSync(data);
    closeSync(place);
  }
}

const AT_FDCWD = -100;

/** False: the image has no directory there. */
function copy(
  place: number,
  { copying, copied }: Names,
  { layers, destination }: Pick<FillJob, 'layers' | 'destination'>,
): boolean {
  const root = new LayeredRoot(layers);
  try {
    const { found } = root.resolve(destination);
    if (found.kind !== 'directory') return false;
    makeDirectoryAt(place, copying, 0o700);
    const to = openAt(place, copying, DIRECTORY);
    try {
      copyTree(found, to);
    } finally {
      closeSync(to);
    }
    renameSync(entryPath(place, copying), entryPath(place, copied));
    return true;
  } finally {
    root.close();
  }
}

function moveIn(place: number, { copied }: Names, data: number): void {
  const from = openDirectory(place, copied);
  if (typeof from !== 'number') return;
  const status = fstatSync(from, { bigint: true });
  try {
    for (const name of namesIn(from)) {
      if (!isThere(data, name)) renameSync(entryPath(from, name), entryPath(data, name));
    }
    fchownSync(data, Number(status.uid), Number(status.gid));
    fchmodSync(data, Number(status.mode & 0o7777n));
    copyXattrs(from, (name, value) => setXattr(data, name, value));
  } finally {
    closeSync(from);
  }
  removeAt(place, copied);
  setTimes(data, timestamp(status.atimeNs), timestamp(status.mtimeNs));
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

function namesIn(fd: number): string[] {
  const all: string[] = [];
  const directory = opendirSync(ownPath(fd), { encoding: 'latin1' });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) all.push(entry.name);
  } finally {
    directory.closeSync();
  }
  return all;
}
