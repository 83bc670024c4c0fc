/**
 * Entries of an archive into a directory of a container that may be running. Names are resolved inside the container's
 * root by the kernel (openat2, RESOLVE_IN_ROOT), to a descriptor of the directory they are in; what is made there is made
 * new, under a single name, and never through a link. So a container that swaps directories and links meanwhile gets the
 * files somewhere else in itself, and nowhere else.
 */
import { closeSync, constants, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import {
  O_PATH,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
} from '../../../native-bindings/directory-entries.ts';

import type { TarConsumer, TarEntry } from '../tar/entry.ts';
import { componentsOf, PATH_LENGTH } from '../unpack/path.ts';
import { type LeftOut, describeFile, describeOpen, describeSpecial } from '../unpack/metadata.ts';
import { isSystemError, openDirectory } from '../unpack/remove-tree.ts';
import { FileError, readablePath } from './file-error.ts';
import { type IdMaps, toHost } from './id-maps.ts';
import { OpenDirectories } from './open-directories.ts';
import { removeFile, removeWithin } from './remove-within.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Somebody makes the name again and again. */
const MOST_ATTEMPTS = 16;
const SET_USER = 0o4000;
const SET_GROUP = 0o2000;

const NODE_TYPES = {
  'character-device': constants.S_IFCHR,
  'block-device': constants.S_IFBLK,
  fifo: constants.S_IFIFO,
} as const;

export interface TreeWriterOptions {
  /** The container's root, and the directory in it that the archive is unpacked to, both O_PATH. */
  readonly root: number;
  readonly directory: number;
  /** Of `directory`, in the root: bytes, one character each. */
  readonly path: string;
  readonly ids: IdMaps;
  /** Also a directory in place of a file, and a file in place of a directory. */
  readonly overwriteKinds: boolean;
  /** Owners as the archive has them; else the container's root. */
  readonly keepOwners: boolean;
  /** Throws FileError where nothing may be written to what is open. */
  readonly check: (fd: number) => void;
}

export class TreeWriter implements TarConsumer {
  /** The entry in hand, for messages. */
  current = '';
  private readonly options: TreeWriterOptions;
  private readonly directories: OpenDirectories;
  private readonly leftOut: LeftOut = new Set();
  private file: { readonly fd: number; readonly entry: TarEntry; readonly name: string } | undefined;

  constructor(options: TreeWriterOptions) {
    this.options = options;
    this.directories = new OpenDirectories(options);
  }

  /** Throws FileError, ImageError, SystemError, and what Node throws; the same goes for `data`, `end` and `finish`. */
  begin(raw: TarEntry): void {
    this.current = raw.name;
    const components = componentsOf(raw.name);
    const entry = this.owned(raw);
    const name = components.pop();
    if (name === undefined) {
      this.top(entry);
      return;
    }
    const link = entry.kind === 'link' ? this.openTarget(entry) : undefined;
    try {
      this.make(components, name, entry, link);
    } finally {
      if (link !== undefined) closeSync(link);
    }
  }

  data(piece: Buffer, offset: number): void {
    if (this.file === undefined) return;
    for (let written = 0; written < piece.length;) {
      written += writeSync(this.file.fd, piece, written, piece.length - written, offset + written);
    }
  }

  end(): void {
    if (this.file === undefined) return;
    const { fd, entry } = this.file;
    if (entry.parts !== undefined) ftruncateSync(fd, entry.size);
    describeFile(fd, entry, this.leftOut);
    this.file = undefined;
    closeSync(fd);
  }

  finish(): void {
    this.directories.finish();
  }

  /** After a failure: what is not whole goes, what is stays. */
  abandon(): void {
    if (this.file !== undefined) {
      closeSync(this.file.fd);
      this.directories.forgetFile(this.file.name);
      this.file = undefined;
    }
    this.directories.abandon();
  }

  private owned(entry: TarEntry): TarEntry {
    const { ids, keepOwners } = this.options;
    const [uid, gid] = keepOwners ? [entry.uid, entry.gid] : [0, 0];
    const [user, group] = [toHost(ids.users, uid), toHost(ids.groups, gid)];
    if (user === undefined || group === undefined) {
      throw new FileError(
        'archive_invalid',
        `${readablePath(entry.name)} belongs to ${uid}:${gid}, whom the container does not know`,
      );
    }
    // a program that runs as its owner must not come to run as another one
    const lost = (uid === entry.uid ? 0 : SET_USER) | (gid === entry.gid ? 0 : SET_GROUP);
    const mode = entry.kind === 'directory' ? entry.mode : entry.mode & ~lost;
    return { ...entry, uid: user, gid: group, mode };
  }

  /** The directory itself. */
  private top(entry: TarEntry): void {
    if (entry.kind !== 'directory') {
      throw new FileError(
        'archive_invalid',
        `the archive's ${readablePath(entry.name)} stands for the directory and is none`,
      );
    }
    const { fd, describe } = this.directories.enter([], entry.name);
    describeOpen(fd, entry, this.leftOut);
    describe(entry);
  }

  private make(components: readonly string[], name: string, entry: TarEntry, link: number | undefined): void {
    const { fd: parent } = this.directories.enter(components, entry.name);
    if (entry.kind === 'directory') this.makeDirectory(parent, [...components, name], name, entry);
    else if (link !== undefined) this.replacing(parent, name, entry, () => linkAt(link, parent, name));
    else if (entry.kind === 'file') {
      const fd = this.replacing(parent, name, entry, () => openAt(parent, name, NEW_FILE, 0o600));
      this.file = { fd, entry, name };
    } else {
      this.replacing(parent, name, entry, () => makeSpecial(parent, name, entry));
      describeSpecial(parent, name, entry, this.leftOut);
    }
  }

  /** One that is there is kept with what is in it, and gets what the archive says of it. */
  private makeDirectory(parent: number, components: readonly string[], name: string, entry: TarEntry): void {
    const found = openDirectory(parent, name);
    if (typeof found === 'number') closeSync(found);
    else {
      if (found === 'not a directory' && !this.options.overwriteKinds) throw otherKind(entry, 'a file', 'a directory');
      this.replacing(parent, name, entry, () => makeDirectoryAt(parent, name, 0o700));
    }
    const directory = this.directories.enter(components, entry.name);
    describeOpen(directory.fd, entry, this.leftOut);
    directory.describe(entry);
  }

  /** Makes an entry that must be new, after what was in its place is taken away. */
  private replacing<T>(parent: number, name: string, entry: TarEntry, make: () => T): T {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      try {
        return make();
      } catch (error) {
        if (!isSystemError(error, 'EEXIST')) throw error;
      }
      this.remove(parent, name, entry);
    }
    throw new FileError('path_is_busy', `${readablePath(entry.name)} is made by others all the time`);
  }

  private remove(parent: number, name: string, entry: TarEntry): void {
    try {
      if (!removeFile(parent, name)) throw mounted(entry);
    } catch (error) {
      if (!isSystemError(error, 'EISDIR')) throw error;
      if (!this.options.overwriteKinds) throw otherKind(entry, 'a directory', 'a file');
      if (!removeWithin(parent, name)) throw mounted(entry);
    }
  }

  /** What a hard link is to be another name of: in the archive's directory, where that is. */
  private openTarget(entry: TarEntry): number {
    const components = entry.target === '' ? [] : componentsOf(entry.target);
    const name = components.pop();
    const missing = (cause?: unknown): FileError =>
      new FileError(
        'archive_invalid',
        `${readablePath(entry.name)} is a hard link to ${readablePath(entry.target)}, which is not there`,
        { cause },
      );
    if (name === undefined) throw missing();
    let fd: number;
    try {
      const parent = this.directories.open(components, entry.name);
      try {
        fd = openAt(parent, name, O_PATH | constants.O_NOFOLLOW);
      } finally {
        closeSync(parent);
      }
    } catch (error) {
      throw isSystemError(error, 'ENOENT', 'ENOTDIR') ? missing(error) : error;
    }
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
    throw new FileError('archive_invalid', `${readablePath(entry.name)} is a hard link to a directory`);
  }
}

function makeSpecial(parent: number, name: string, { kind, target, major, minor, name: path }: TarEntry): void {
  if (kind === 'symlink') {
    if (target === '' || target.length > PATH_LENGTH)
      throw new FileError('archive_invalid', `${readablePath(path)} is a link to no path`);
    makeSymlinkAt(target, parent, name);
    return;
  }
  if (kind === 'file' || kind === 'link' || kind === 'directory') throw new Error(`${kind} is made elsewhere`);
  if (kind === 'fifo') makeNodeAt(parent, name, NODE_TYPES[kind], 0, 0);
  else {
    if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
      throw new FileError('archive_invalid', `${readablePath(path)} is a device whose number is out of range`);
    }
    makeNodeAt(parent, name, NODE_TYPES[kind], major, minor);
  }
}

function otherKind({ name }: TarEntry, there: string, wanted: string): FileError {
  return new FileError('path_is_busy', `${readablePath(name)}: ${there} is there, and would be replaced by ${wanted}`);
}

function mounted({ name }: TarEntry): FileError {
  return new FileError('path_is_busy', `${readablePath(name)} cannot be replaced: something is mounted there`);
}
