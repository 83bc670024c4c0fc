/** Removal in a tree that others live in: what is mounted in it is not entered, and is not theirs to lose. */
import { closeSync, constants, opendirSync } from 'node:fs';
import { O_PATH, removeDirectoryAt, unlinkAt } from '../../../native-bindings/directory-entries.ts';
import { RESOLVE, openBelow } from '../../../native-bindings/openat2.ts';
import { DIRECTORY, isSystemError } from '../unpack/remove-tree.ts';

const NAMES_AT_ONCE = 256;
/** One descriptor a level. */
const DEEPEST = 1000;
const HERE = RESOLVE.beneath | RESOLVE.noLinks | RESOLVE.noMounts;

interface Level {
  readonly name: string;
  readonly fd: number;
  names: string[];
}

/**
 * Takes the entry and all below it. False: something is mounted there, or it is deeper than a thousand directories; what
 * was met before is gone. Throws SystemError.
 */
export function removeWithin(parent: number, name: string): boolean {
  const levels: Level[] = [];
  try {
    if (!take(levels, parent, name)) return false;
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = level.names.pop();
      if (entry !== undefined) {
        if (!take(levels, level.fd, entry)) return false;
        continue;
      }
      level.names = namesIn(level.fd);
      if (level.names.length > 0) continue;
      closeSync(level.fd);
      levels.pop();
      if (!removed(() => removeDirectoryAt(levels.at(-1)?.fd ?? parent, level.name))) return false;
    }
    return true;
  } finally {
    for (const { fd } of levels) closeSync(fd);
  }
}

/**
 * Takes a name that is no directory's. False: something is mounted there, in whichever mount namespace `parent` is seen;
 * the kernel itself refuses only where it is the caller's, and takes the mount away elsewhere. Throws SystemError: EISDIR.
 */
export function removeFile(parent: number, name: string): boolean {
  try {
    closeSync(openBelow(parent, name, O_PATH | constants.O_NOFOLLOW, RESOLVE.beneath | RESOLVE.noMounts));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    if (isSystemError(error, 'EXDEV')) return false;
    throw error;
  }
  return removed(() => unlinkAt(parent, name));
}

function take(levels: Level[], parent: number, name: string): boolean {
  try {
    return removeFile(parent, name);
  } catch (error) {
    if (!isSystemError(error, 'EISDIR')) throw error;
  }
  if (levels.length === DEEPEST) return false;
  try {
    levels.push({ name, fd: openBelow(parent, name, DIRECTORY, HERE), names: [] });
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    if (isSystemError(error, 'EXDEV')) return false;
    throw error;
  }
}

/** False: it is a mount point. */
function removed(remove: () => void): boolean {
  try {
    remove();
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    if (isSystemError(error, 'EBUSY')) return false;
    throw error;
  }
}

function namesIn(fd: number): string[] {
  const names: string[] = [];
  const directory = opendirSync(`/proc/self/fd/${String(fd)}`, { encoding: 'latin1', bufferSize: NAMES_AT_ONCE });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      names.push(entry.name);
      if (names.length === NAMES_AT_ONCE) break;
    }
  } finally {
    directory.closeSync();
  }
  return names;
}
