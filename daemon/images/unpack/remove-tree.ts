/**
 * Removal by descriptors: no link is followed, paths may be longer than PATH_MAX, and a directory of a million entries
 * is read in pieces. It holds one descriptor for each level, up to a bound: descriptors are the whole daemon's, and a
 * container may make half a million levels. What is deeper is moved to the top first.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, opendirSync } from 'node:fs';
import { openAt, removeDirectoryAt, renameAt, unlinkAt } from '../../../native-bindings/directory-entries.ts';
import { SystemError } from '../../../native-bindings/libc.ts';

export const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NAMES_AT_ONCE = 256;
const LEVELS_MAX = 128;

interface Level {
  readonly name: string;
  readonly fd: number;
  /** Read and not yet removed. */
  names: string[];
}

/** True where the error is one of these. */
export function isSystemError(error: unknown, ...codes: readonly string[]): error is SystemError {
  return error instanceof SystemError && codes.includes(error.code);
}

/** A descriptor of the directory (not of a link to one), or what stands there instead. Throws SystemError. */
export function openDirectory(parent: number, name: string): number | 'absent' | 'not a directory' {
  try {
    return openAt(parent, name, DIRECTORY);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return 'absent';
    if (isSystemError(error, 'ENOTDIR', 'ELOOP')) return 'not a directory';
    throw error;
  }
}

/** Some of the names in a directory, one character a byte. */
function namesIn(fd: number): string[] {
  const names: string[] = [];
  const directory = opendirSync(`/proc/self/fd/${String(fd)}`, { encoding: 'latin1', bufferSize: NAMES_AT_ONCE });
  try {
    while (names.length < NAMES_AT_ONCE) {
      const entry = directory.readSync();
      if (entry === null) break;
      names.push(entry.name);
    }
  } finally {
    directory.closeSync();
  }
  return names;
}

function randomName(): string {
  return randomBytes(16).toString('hex');
}

/** Takes the entry and all below it; nothing happens where there is none. True: it was a directory. Throws SystemError. */
export function removeAt(parent: number, name: string): boolean {
  const levels: Level[] = [];
  const take = (directory: number, entry: string): void => {
    try {
      unlinkAt(directory, entry);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return;
      if (!isSystemError(error, 'EISDIR')) throw error;
      const [top] = levels;
      // found there when the names of the top are read again
      if (top !== undefined && levels.length >= LEVELS_MAX) renameAt(directory, entry, top.fd, randomName());
      else levels.push({ name: entry, fd: openAt(directory, entry, DIRECTORY), names: [] });
    }
  };
  try {
    take(parent, name);
    const wasDirectory = levels.length > 0;
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = level.names.pop();
      if (entry !== undefined) {
        take(level.fd, entry);
        continue;
      }
      level.names = namesIn(level.fd);
      if (level.names.length > 0) continue;
      closeSync(level.fd);
      levels.pop();
      removeDirectoryAt(levels.at(-1)?.fd ?? parent, level.name);
    }
    return wasDirectory;
  } finally {
    for (const { fd } of levels) closeSync(fd);
  }
}
