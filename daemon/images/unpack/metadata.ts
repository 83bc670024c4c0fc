/** Owner, mode, attributes and times of what an entry made, in the order in which they do not undo each other. */
import { closeSync, constants, chmodSync, fchmodSync, fchownSync } from 'node:fs';
import { O_PATH, changeOwnerAt, openAt } from '../../../native-bindings/directory-entries.ts';
import { setTimes, setTimesAt } from '../../../native-bindings/utimensat.ts';
import { setXattr, setXattrAt } from '../../../native-bindings/xattr.ts';
import { isSystemError } from './remove-tree.ts';
import type { TarEntry } from '../tar/entry.ts';

/**
 * Attributes that belong to an image: those of users, capabilities of programs, access lists. Others would speak to the
 * host: labels of its security modules, and marks of overlayfs that lead it to other files (trusted.overlay.redirect).
 */
const TAKEN = /^(?:user\.(?!overlay\.).+|security\.capability|system\.posix_acl_(?:access|default))$/;

export function isTaken(attribute: string): boolean {
  return TAKEN.test(attribute) && attribute.length <= 255;
}

/** Collects the names of attributes that were left out. */
export type LeftOut = Set<string>;
const MOST_LEFT_OUT = 100;

function setXattrs(entry: TarEntry, leftOut: LeftOut, set: (name: string, value: Buffer) => void): void {
  for (const [name, value] of entry.xattrs) {
    try {
      if (isTaken(name)) {
        set(name, value);
        continue;
      }
    } catch (error) {
      // The file system or the kind of file has no such attributes; a program without its capabilities is another one.
      if (name === 'security.capability' || !isSystemError(error, 'EOPNOTSUPP', 'EPERM')) throw error;
    }
    if (leftOut.size < MOST_LEFT_OUT) leftOut.add(name);
  }
}

/** Of an open file or directory, all but the times. Throws SystemError, and what Node throws. */
export function describeOpen(fd: number, entry: TarEntry, leftOut: LeftOut): void {
  // A change of owner takes setuid bits and capabilities away.
  fchownSync(fd, entry.uid, entry.gid);
  fchmodSync(fd, entry.mode);
  if (entry.xattrs.size > 0) setXattrs(entry, leftOut, (name, value) => setXattr(fd, name, value));
}

/** Of a file that is complete, with its times. */
export function describeFile(fd: number, entry: TarEntry, leftOut: LeftOut): void {
  describeOpen(fd, entry, leftOut);
  setTimes(fd, entry.accessed, entry.modified);
}

/** Of a symbolic link, which has no mode, or of a device or FIFO, which is never opened. */
export function describeSpecial(directory: number, name: string, entry: TarEntry, leftOut: LeftOut): void {
  changeOwnerAt(directory, name, entry.uid, entry.gid);
  if (entry.kind !== 'symlink') changeMode(directory, name, entry.mode);
  setXattrs(entry, leftOut, (attribute, value) => setXattrAt(directory, name, attribute, value));
  setTimesAt(directory, name, entry.accessed, entry.modified);
}

/** By a descriptor of the inode itself: there is a fchmodat that follows no link only since Linux 6.6. */
function changeMode(directory: number, name: string, mode: number): void {
  const fd = openAt(directory, name, O_PATH | constants.O_NOFOLLOW);
  try {
    chmodSync(`/proc/self/fd/${String(fd)}`, mode);
  } finally {
    closeSync(fd);
  }
}
