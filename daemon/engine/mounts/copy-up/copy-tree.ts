/**
 * Copies what layers have in a directory, as the container would see it: every entry by the descriptor of its directory,
 * no link followed, with owners, modes, attributes, times and hard links. For a thread: it blocks.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  linkSync,
  lstatSync,
  opendirSync,
  type BigIntStats,
} from 'node:fs';
import {
  O_PATH,
  changeOwnerAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
} from '../../../../native-bindings/directory-entries.ts';
import { chmodSync, fchmodSync, fchownSync } from 'node:fs';
import { setTimes, setTimesAt } from '../../../../native-bindings/utimensat.ts';
import { readXattrs, setXattr, setXattrAt } from '../../../../native-bindings/xattr.ts';
import { timestamp } from '../../../images/unpack/directories.ts';
import { isTaken } from '../../../images/unpack/metadata.ts';
import { DIRECTORY, isSystemError } from '../../../images/unpack/remove-tree.ts';
import { type Found, type MergedDirectory, entryIn, entryPath, openEntry } from '../../from-image/merged-entry.ts';

/** Trees of people are some tens deep; each level takes a descriptor for each layer that has it. */
const DEEPEST = 256;
/** Of files with several names that are remembered; those beyond are copied once for each. */
const LINKS_REMEMBERED = 100_000;

interface Copying {
  /** Of the copy's root. */
  readonly root: number;
  /** Where the copy of a file with several names is, below the root. */
  readonly links: Map<string, string>;
}

/** `to`: an open directory that is empty, and nobody else's. Throws SystemError, what Node throws, RangeError where it is too deep. */
export function copyTree(from: MergedDirectory, to: number): void {
  copyEntries({ root: to, links: new Map() }, from, to, []);
  describeDirectory(from, to);
}

/** Names in it, as the container sees them; of one character a byte. */
export function* namesOf({ fds }: MergedDirectory): Generator<string> {
  const seen = new Set<string>();
  for (const fd of fds) {
    const directory = opendirSync(`/proc/self/fd/${fd}/.`, { encoding: 'latin1' });
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (seen.has(entry.name)) continue;
        seen.add(entry.name);
        yield entry.name;
      }
    } finally {
      directory.closeSync();
    }
  }
}

/** `use` has the entry as long as it runs. */
export function withEntry<T>(directory: MergedDirectory, name: string, use: (found: Found) => T): T {
  const opened: number[] = [];
  try {
    return use(
      entryIn(directory, name, (parent) => {
        const fd = openEntry(parent, name);
        if (fd !== undefined) opened.push(fd);
        return fd;
      }),
    );
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function copyEntries(copying: Copying, from: MergedDirectory, to: number, at: readonly string[]): void {
  if (at.length > DEEPEST) throw new RangeError(`${at.slice(0, 8).join('/')}/… is deeper than ${DEEPEST} directories`);
  for (const name of namesOf(from)) {
    withEntry(from, name, (found) => {
      if (found.kind === 'directory') copyDirectory(copying, found, to, [...at, name]);
      else if (found.kind === 'other') copyOther(copying, found, to, [...at, name]);
    });
  }
}

function copyDirectory(copying: Copying, from: MergedDirectory, parent: number, at: readonly string[]): void {
  const name = at.at(-1) ?? '';
  makeDirectoryAt(parent, name, 0o700);
  const to = openAt(parent, name, DIRECTORY);
  try {
    copyEntries(copying, from, to, at);
    describeDirectory(from, to);
  } finally {
    closeSync(to);
  }
}

function copyOther(copying: Copying, from: Found & { kind: 'other' }, to: number, at: readonly string[]): void {
  const name = at.at(-1) ?? '';
  const status = fstatSync(from.fd, { bigint: true });
  if (from.target !== undefined) makeSymlinkAt(from.target, to, name);
  else if (!status.isFile()) makeSpecial(status, to, name);
  else if (copyFile(copying, { fd: from.fd, status }, to, at)) return;
  changeOwnerAt(to, name, Number(status.uid), Number(status.gid));
  if (from.target === undefined) changeMode(to, name, status);
  copyXattrs(from.fd, (attribute, value) => setXattrAt(to, name, attribute, value));
  setTimesAt(to, name, timestamp(status.atimeNs), timestamp(status.mtimeNs));
}

function makeSpecial(status: BigIntStats, to: number, name: string): void {
  const device = Number(status.rdev);
  const [major, minor] = [(device >>> 8) & 0xfff, (device & 0xff) | ((device >>> 12) & 0xfff00)];
  makeNodeAt(to, name, Number(status.mode), major, minor);
}

/** True: it is another name of a file that was copied. */
function copyFile(
  { root, links }: Copying,
  { fd, status }: { readonly fd: number; readonly status: BigIntStats },
  to: number,
  at: readonly string[],
): boolean {
  const target = entryPath(to, at.at(-1) ?? '');
  const key = `${status.dev}:${status.ino}`;
  const first = status.nlink > 1n ? links.get(key) : undefined;
  if (first !== undefined) {
    linkSync(entryPath(root, first), target);
    return true;
  }
  copyFileSync(`/proc/self/fd/${fd}`, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  if (status.nlink > 1n && links.size < LINKS_REMEMBERED) links.set(key, at.join('/'));
  return false;
}

/** By a descriptor of the inode itself: there is a fchmodat that follows no link only since Linux 6.6. */
function changeMode(directory: number, name: string, status: BigIntStats): void {
  const fd = openAt(directory, name, O_PATH | constants.O_NOFOLLOW);
  try {
    chmodSync(`/proc/self/fd/${fd}`, Number(status.mode & 0o7777n));
  } finally {
    closeSync(fd);
  }
}

/** As its topmost layer has it. */
export function describeDirectory({ fds: [from] }: MergedDirectory, to: number): void {
  if (from === undefined) return;
  const status = fstatSync(from, { bigint: true });
  fchownSync(to, Number(status.uid), Number(status.gid));
  fchmodSync(to, Number(status.mode & 0o7777n));
  copyXattrs(from, (attribute, value) => setXattr(to, attribute, value));
  setTimes(to, timestamp(status.atimeNs), timestamp(status.mtimeNs));
}

/** What the volume's file system does not have is left out; but a program without its capabilities is another one. */
export function copyXattrs(from: number, set: (name: string, value: Buffer) => void): void {
  for (const [name, value] of readXattrs(from, isTaken)) {
    try {
      set(name, value);
    } catch (error) {
      if (name === 'security.capability' || !isSystemError(error, 'EOPNOTSUPP', 'EPERM')) throw error;
    }
  }
}

/** Whether there is anything at a path. */
export function isThere(directory: number, name: string): boolean {
  return lstatSync(entryPath(directory, name), { throwIfNoEntry: false }) !== undefined;
}
