/**
 * A tar archive from a container into a place of this machine. The container made it, so nothing of it is believed: a
 * name with ".." is refused, every part of a path is opened by descriptor and never through a link, and what is in the
 * way is replaced only by its like.
 */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { TarConsumer, TarEntry } from '../../daemon/images/tar/entry.ts';
import { CliError, errnoOf, messageOf } from '../errors.ts';
import { printable } from '../format/table.ts';
import { at, closeAll, createFile, openDirectory } from './descriptor.ts';
import type { Tally } from './tally.ts';

export interface Unpacking {
  /** The directory that is there, and what the first part of the archive's names becomes in it; empty: itself. */
  readonly directory: string;
  readonly name: string;
  /** Owners as the archive has them. */
  readonly keepOwners: boolean;
  readonly tally: Pick<Tally, 'counted' | 'skipped'>;
}

/** Directories whose descriptors are kept, one for each step of a path; deeper ones are refused. */
const DEPTH_MAX = 1000;

interface Directory {
  readonly name: string;
  readonly file: number;
}

interface Written {
  readonly entry: TarEntry;
  readonly file: number;
}

/** To be given to a TarReader. Throws CliError. `close` in any case at the end. */
export class LocalWriter implements TarConsumer {
  readonly #unpacking: Unpacking;
  readonly #root: number;
  /** The directory of the last entry and those above it. */
  #open: Directory[] = [];
  /** Modes and times of directories, which writing into them would change; in order. */
  readonly #directories: { parts: readonly string[]; entry: TarEntry }[] = [];
  #written: Written | undefined;

  constructor(unpacking: Unpacking) {
    this.#unpacking = unpacking;
    this.#root = attempt(unpacking.directory, () => openDirectory(`${unpacking.directory}/.`));
  }

  begin(entry: TarEntry): void {
    const parts = this.#partsOf(entry.name);
    const name = parts.at(-1);
    // The archive's own top where only what is in it is wanted.
    if (name === undefined) return;
    this.#attempt(entry, () => {
      const parent = this.#walk(parts.slice(0, -1));
      this.#make(entry, parent, name, parts);
    });
  }

  data(piece: Buffer, offset: number): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#attempt(written.entry, () => {
      for (let from = 0; from < piece.length;) {
        from += writeSync(written.file, piece, from, piece.length - from, offset + from);
      }
    });
    this.#unpacking.tally.counted(piece.length);
  }

  end(): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#written = undefined;
    const { entry, file } = written;
    this.#attempt(entry, () => {
      try {
        // A hole may be at the end.
        if (entry.parts !== undefined && entry.size > 0) extend(file, entry.size);
        this.#describe(file, entry);
      } finally {
        closeSync(file);
      }
    });
  }

  /** The archive is complete: directories get what they were to have, the deepest first. */
  finish(): void {
    for (const { parts, entry } of this.#directories.toReversed()) {
      this.#attempt(entry, () => {
        this.#describe(this.#walk(parts), entry);
      });
    }
  }

  close(): void {
    if (this.#written !== undefined) closeSync(this.#written.file);
    closeAll(this.#open.map(({ file }) => file));
    closeSync(this.#root);
    this.#open = [];
    this.#written = undefined;
  }

  /** The first part is what the archive calls the whole; ours is another. */
  #partsOf(name: string): readonly string[] {
    const parts = name.split('/').filter((part, place) => part !== '' && (part !== '.' || place === 0));
    if (name.startsWith('/') || parts.includes('..')) throw hostile(name, 'its path leads out of the archive');
    if (parts.length > DEPTH_MAX) throw hostile(name, 'it lies too deep');
    const own = Buffer.from(this.#unpacking.name).toString('latin1');
    return own === '' ? parts.slice(1) : [own, ...parts.slice(1)];
  }

  /** The descriptor of a directory below; what of the way is open already is not opened again. */
  #walk(parts: readonly string[]): number {
    let same = 0;
    while (same < parts.length && this.#open[same]?.name === parts[same]) same += 1;
    closeAll(this.#open.splice(same).map(({ file }) => file));
    for (const name of parts.slice(same)) {
      const path = at(this.#top(), bytes(name));
      this.#open.push({ name, file: openMaking(path) });
    }
    return this.#top();
  }

  #top(): number {
    return this.#open.at(-1)?.file ?? this.#root;
  }

  #make(entry: TarEntry, parent: number, name: string, parts: readonly string[]): void {
    const path = at(parent, bytes(name));
    if (entry.kind === 'directory') {
      closeSync(openMaking(path));
      this.#directories.push({ parts, entry });
    } else if (entry.kind === 'file') {
      makeWay(path);
      this.#written = { entry, file: createFile(path) };
    } else if (entry.kind === 'symlink') {
      makeWay(path);
      symlinkSync(bytes(entry.target), path);
      if (this.#unpacking.keepOwners) lchownSync(path, entry.uid, entry.gid);
      lutimesSync(path, seconds(entry.accessed), seconds(entry.modified));
    } else if (entry.kind === 'link') this.#link(entry, parts);
    else this.#unpacking.tally.skipped(shownName(entry.name), `it is a ${entry.kind.replace('-', ' ')}`);
  }

  /** Another name of a file that came before it. */
  #link(entry: TarEntry, parts: readonly string[]): void {
    const target = this.#partsOf(entry.target);
    const name = target.at(-1);
    if (name === undefined) throw hostile(entry.name, 'it is a link to nothing');
    const from = openDirectory(`/proc/self/fd/${String(this.#walk(target.slice(0, -1)))}/.`);
    try {
      const path = at(this.#walk(parts.slice(0, -1)), bytes(parts.at(-1) ?? ''));
      makeWay(path);
      linkSync(at(from, bytes(name)), path);
    } finally {
      closeSync(from);
    }
  }

  #describe(file: number, entry: TarEntry): void {
    if (this.#unpacking.keepOwners) fchownSync(file, entry.uid, entry.gid);
    // Set-id bits speak for an owner; without theirs they would speak for the user.
    fchmodSync(file, this.#unpacking.keepOwners ? entry.mode : entry.mode & 0o1777);
    futimesSync(file, seconds(entry.accessed), seconds(entry.modified));
  }

  #attempt(entry: TarEntry, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw new CliError(`cannot write ${shownName(entry.name)}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** The directory, made where there is none. Throws ENOTDIR or ELOOP where something else has its name. */
function openMaking(path: Buffer): number {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  return openDirectory(path);
}

/** Takes away what has the name; a directory stays and is an error. */
function makeWay(path: Buffer): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) throw new Error('a directory is in its place');
  unlinkSync(path);
}

function extend(file: number, size: number): void {
  if (fstatSync(file).size < size) writeSync(file, Buffer.alloc(1), 0, 1, size - 1);
}

function seconds({ seconds: whole, nanoseconds }: { seconds: number; nanoseconds: number }): number {
  return whole + nanoseconds / 1_000_000_000;
}

function bytes(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}

function shownName(name: string): string {
  return printable(bytes(name).toString('utf8'));
}

function hostile(name: string, why: string): CliError {
  return new CliError(`the archive holds ${shownName(name)}, which is not unpacked: ${why}`);
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new CliError(`cannot open ${path}: ${messageOf(error)}`, { cause: error });
  }
}
