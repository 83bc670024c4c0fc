/** Makes what the entries of a layer say, below its root and nowhere else. A later entry of a name replaces an earlier one. */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, writeSync } from 'node:fs';
import {
  O_PATH,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  unlinkAt,
} from '../../../native-bindings/directory-entries.ts';
import { Directories, type Describe, entryPath, makeOpaque } from './directories.ts';
import { type LeftOut, describeFile, describeOpen, describeSpecial } from './metadata.ts';
import { PATH_LENGTH, componentsOf, readable, refused } from './path.ts';
import { DIRECTORY, isSystemError, openDirectory, removeAt } from './remove-tree.ts';
import type { TarConsumer, TarEntry } from '../tar/entry.ts';
import { whiteoutOf } from './whiteout.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** The kernel's dev_t: MINORBITS of include/linux/kdev_t.h. */
const MAJORS = 1 << 12;
const MINORS = 1 << 20;

const NODE_TYPES = {
  'character-device': constants.S_IFCHR,
  'block-device': constants.S_IFBLK,
  fifo: constants.S_IFIFO,
} as const;

export class LayerWriter implements TarConsumer {
  /** The entry in hand, for messages. */
  current = '';
  entries = 0;
  /** The root has an entry of its own; it is root's and 0755 otherwise. */
  rootDescribed = false;
  /** No lower layer is seen below this one at all. Overlayfs does not look for the mark on a layer's root. */
  rootOpaque = false;
  readonly leftOut: LeftOut = new Set();
  private readonly directories: Directories;
  private file: { readonly fd: number; readonly entry: TarEntry } | undefined;

  /** Takes over the descriptor of the layer's root. */
  constructor(root: number, describe: Describe) {
    this.directories = new Directories(root, describe);
  }

  /** Throws ImageError layer_invalid, SystemError, and what Node throws; the same goes for `data` and `end`. */
  begin(entry: TarEntry): void {
    this.current = entry.name;
    this.entries++;
    const components = componentsOf(entry.name);
    const meaning = whiteoutOf(entry.name, components);
    if (meaning === 'meta') return;
    const name = components.pop();
    if (name === undefined) {
      this.root(entry);
      return;
    }
    const link = meaning === 'entry' && entry.kind === 'link' ? this.openTarget(entry) : undefined;
    try {
      this.directories.enter(entry.name, components);
      if (meaning === 'opaque') this.opaque();
      else if (typeof meaning === 'object') this.hide(meaning.hidden);
      else this.make(name, entry, link);
    } finally {
      if (link !== undefined) closeSync(link);
    }
  }

  data(piece: Buffer, offset: number): void {
    // The data of a whiteout are nobody's.
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

  /** The directories that no entry describes. */
  finish(): string[] {
    return this.directories.finish();
  }

  /** Closes what is open, after a failure. */
  abandon(): void {
    if (this.file !== undefined) closeSync(this.file.fd);
    this.file = undefined;
    this.directories.abandon();
  }

  private root(entry: TarEntry): void {
    if (entry.kind !== 'directory') throw refused(entry.name, 'is the root and no directory');
    this.directories.enter(entry.name, []);
    const { top } = this.directories;
    describeOpen(top.fd, entry, this.leftOut);
    Object.assign(top, { accessed: entry.accessed, modified: entry.modified, touched: true });
    this.rootDescribed = true;
  }

  private opaque(): void {
    const { top } = this.directories;
    makeOpaque(top.fd);
    if (top.name === '') this.rootOpaque = true;
  }

  /** What this layer has of the name stays: a whiteout is for lower layers. */
  private hide(name: string): void {
    const { top } = this.directories;
    const found = openDirectory(top.fd, name);
    if (typeof found === 'number') {
      makeOpaque(found);
      closeSync(found);
    } else if (found === 'absent') {
      makeNodeAt(top.fd, name, constants.S_IFCHR, 0, 0);
      top.touched = true;
    }
  }

  private make(name: string, entry: TarEntry, link: number | undefined): void {
    const parent = this.directories.top;
    parent.touched = true;
    if (link !== undefined) this.makeLink(parent.fd, name, link, entry);
    else if (entry.kind === 'directory') this.makeDirectory(parent.fd, name, entry);
    else if (entry.kind === 'file') {
      this.file = { fd: this.replacing(name, () => openAt(parent.fd, name, NEW_FILE, 0o600)), entry };
    } else {
      this.replacing(name, () => this.makeSpecial(parent.fd, name, entry));
      describeSpecial(parent.fd, name, entry, this.leftOut);
    }
  }

  /** Makes an entry that must be new, after what is in its place was removed. */
  private replacing<T>(name: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      if (removeAt(this.directories.top.fd, name)) this.directories.forget();
      return make();
    }
  }

  private makeSpecial(parent: number, name: string, entry: TarEntry): void {
    const { kind, target } = entry;
    if (kind === 'symlink') {
      if (target === '') throw refused(entry.name, 'is a symbolic link to nothing');
      if (target.length > PATH_LENGTH) throw refused(entry.name, 'is a symbolic link to a name that is too long');
      makeSymlinkAt(target, parent, name);
      return;
    }
    if (kind === 'file' || kind === 'link' || kind === 'directory') throw new Error(`${kind} is made elsewhere`);
    const { major, minor } = kind === 'fifo' ? { major: 0, minor: 0 } : entry;
    if (major < 0 || major >= MAJORS || minor < 0 || minor >= MINORS) {
      throw refused(entry.name, 'is a device whose number is out of range');
    }
    makeNodeAt(parent, name, NODE_TYPES[kind], major, minor);
  }

  /** One that is there is kept with what is in it. One that replaces something else is empty, whatever lower layers have. */
  private makeDirectory(parent: number, name: string, entry: TarEntry): void {
    let replaces = false;
    let fd: number;
    try {
      makeDirectoryAt(parent, name, 0o700);
      fd = openAt(parent, name, DIRECTORY);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      const found = openDirectory(parent, name);
      replaces = typeof found !== 'number';
      if (replaces) {
        unlinkAt(parent, name);
        makeDirectoryAt(parent, name, 0o700);
      }
      fd = typeof found === 'number' ? found : openAt(parent, name, DIRECTORY);
    }
    const directory = this.directories.enterDescribed(entry.name, name, fd);
    if (replaces) makeOpaque(fd);
    describeOpen(fd, entry, this.leftOut);
    Object.assign(directory, { accessed: entry.accessed, modified: entry.modified, touched: true });
  }

  /** A descriptor of what a hard link is to be another name of; a symbolic link itself, a device without opening it. */
  private openTarget(entry: TarEntry): number {
    const components = entry.target === '' ? [] : componentsOf(entry.target);
    const name = components.pop();
    if (name === undefined || !this.directories.tryEnter(entry.name, components)) throw this.noTarget(entry);
    let fd: number;
    try {
      fd = openAt(this.directories.top.fd, name, O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      throw isSystemError(error, 'ENOENT') ? this.noTarget(entry, error) : error;
    }
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
    throw refused(entry.name, `is a hard link to the directory ${readable(entry.target)}`);
  }

  private noTarget({ name, target }: TarEntry, cause?: unknown): Error {
    return refused(name, `is a hard link to ${readable(target)}, which the layer does not have`, { cause });
  }

  private makeLink(parent: number, name: string, link: number, entry: TarEntry): void {
    try {
      this.replacing(name, () => {
        if (!sameFile(parent, name, link)) linkAt(link, parent, name);
      });
    } catch (error) {
      // What was in its place was its target, or a directory with it.
      throw isSystemError(error, 'ENOENT') ? this.noTarget(entry, error) : error;
    }
  }
}

function sameFile(parent: number, name: string, fd: number): boolean {
  const found = lstatSync(entryPath(parent, name), { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return false;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return found.dev === dev && found.ino === ino;
}
