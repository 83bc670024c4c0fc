/**
 * The directories of an archive's entries, inside a root. The kernel resolves each path as a whole; a directory stays open
 * while entries below it follow, and gets its times when they are over, since what is made in it changes them.
 */
import { closeSync, fchmodSync, fchownSync } from 'node:fs';
import { makeDirectoryAt, unlinkAt } from '../../../native-bindings/directory-entries.ts';
import { RESOLVE, openBelow } from '../../../native-bindings/openat2.ts';
import { type Timestamp, setTimes } from '../../../native-bindings/utimensat.ts';
import { DIRECTORY, isSystemError } from '../unpack/remove-tree.ts';
import { PATH_LENGTH } from '../unpack/path.ts';
import { FileError, readablePath } from './file-error.ts';
import { type IdMaps, toHost } from './id-maps.ts';

/** Directories on the way down that are kept open for their times. */
const MOST_OPEN = 256;
/** RESOLVE_BENEATH: the way stays in the directory, without any link. */
const STRAIGHT = RESOLVE.beneath | RESOLVE.noLinks;
const INSIDE = RESOLVE.inRoot | RESOLVE.noMagicLinks;
/** `DIRECTORY` refuses a link at the end, which a path may well lead through. */
const FOLLOWED = DIRECTORY & ~0o400000;

interface Times {
  readonly accessed: Timestamp;
  readonly modified: Timestamp;
}

interface Open {
  readonly components: readonly string[];
  readonly fd: number;
  times: Times | undefined;
}

export interface Entered {
  /** Not O_PATH; closed by this class. */
  readonly fd: number;
  /** Called with what the archive says of the directory. */
  readonly describe: (times: Times) => void;
}

export interface Place {
  readonly root: number;
  readonly directory: number;
  readonly path: string;
  readonly ids: IdMaps;
  readonly check: (fd: number) => void;
}

export class OpenDirectories {
  private readonly place: Place;
  private readonly stack: Open[] = [];

  constructor(place: Place) {
    this.place = place;
  }

  /** Goes to the directory, making what is missing: 0755, the container's root's. Throws FileError, SystemError. */
  enter(components: readonly string[], entry: string): Entered {
    while (this.stack.length > 0 && !isAtOrAbove(this.stack.at(-1)?.components ?? [], components)) this.leave();
    const top = this.stack.at(-1);
    const there = top?.components.length === components.length ? top : this.push(components, entry);
    return {
      fd: there.fd,
      describe: ({ accessed, modified }) => {
        there.times = { accessed, modified };
      },
    };
  }

  /** A descriptor of its own, for the caller to close. Throws SystemError where it is not there. */
  open(components: readonly string[], entry: string): number {
    const relative = components.join('/') || '.';
    const { directory, root, path } = this.place;
    if (path.length + relative.length >= PATH_LENGTH) throw tooLong(entry);
    try {
      return openBelow(directory, relative, DIRECTORY, STRAIGHT);
    } catch (error) {
      if (!isSystemError(error, 'ELOOP')) throw error;
      // links are those of the container: absolute ones begin at its root
      return openBelow(root, `${path}/${relative}`, FOLLOWED, INSIDE);
    }
  }

  /** The file that was being made in the directory where this stands. */
  forgetFile(name: string): void {
    const top = this.stack.at(-1);
    if (top !== undefined) unlinkAt(top.fd, name);
  }

  /** Throws SystemError. */
  finish(): void {
    while (this.stack.length > 0) this.leave();
  }

  abandon(): void {
    for (const { fd } of this.stack.splice(0)) closeSync(fd);
  }

  private leave(): void {
    const left = this.stack.pop();
    if (left === undefined) return;
    try {
      if (left.times !== undefined) setTimes(left.fd, left.times.accessed, left.times.modified);
    } finally {
      closeSync(left.fd);
    }
  }

  private push(components: readonly string[], entry: string): Open {
    if (this.stack.length >= MOST_OPEN) {
      throw new FileError('archive_invalid', `${readablePath(entry)} is deeper than ${String(MOST_OPEN)} directories`);
    }
    const fd = this.openOrMake(components, entry);
    try {
      this.place.check(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const opened: Open = { components, fd, times: undefined };
    this.stack.push(opened);
    return opened;
  }

  private openOrMake(components: readonly string[], entry: string): number {
    try {
      return this.open(components, entry);
    } catch (error) {
      if (isSystemError(error, 'ENOTDIR', 'ELOOP')) throw notADirectory(entry, error);
      if (!isSystemError(error, 'ENOENT') || components.length === 0) throw error;
    }
    const name = components.at(-1) ?? '';
    const parent = this.openOrMake(components.slice(0, -1), entry);
    try {
      this.place.check(parent);
      makeDirectoryAt(parent, name, 0o755);
      return this.made(parent, name);
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) throw notADirectory(entry, error);
      throw error;
    } finally {
      closeSync(parent);
    }
  }

  private made(parent: number, name: string): number {
    const fd = openBelow(parent, name, DIRECTORY, STRAIGHT);
    const { users, groups } = this.place.ids;
    fchownSync(fd, toHost(users, 0) ?? 0, toHost(groups, 0) ?? 0);
    fchmodSync(fd, 0o755);
    return fd;
  }
}

function isAtOrAbove(above: readonly string[], below: readonly string[]): boolean {
  return above.length <= below.length && above.every((name, index) => name === below[index]);
}

function notADirectory(entry: string, cause: unknown): FileError {
  return new FileError('path_is_busy', `${readablePath(entry)} lies below what is not a directory`, { cause });
}

function tooLong(entry: string): FileError {
  return new FileError(
    'archive_invalid',
    `${readablePath(entry)} has a path of more than ${String(PATH_LENGTH)} bytes`,
  );
}
