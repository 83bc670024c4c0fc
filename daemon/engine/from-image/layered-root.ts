/**
 * The root that an image's layers make together, looked into without a mount: overlayfs.rst, "Upper and Lower",
 * "whiteouts and opaque directories". Every step opens one name by the descriptors of the directory it is in, links are
 * walked here and end inside the root, and what a hostile image can make it do is bounded.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { O_PATH } from '../../../native-bindings/directory-entries.ts';
import { UnreadableFile, readFound } from '../../../native-bindings/open-in-root.ts';
import { type Found, type MergedDirectory, entryIn, openEntry } from './merged-entry.ts';

/** As the kernel: MAXSYMLINKS of include/linux/namei.h. */
const LINKS_MAX = 40;
/** Names on the way of all lookups: those of people have some ten each. */
const NAMES_MAX = 2000;
/** Names that are looked up, in one layer each: an ordinary lookup in 20 layers takes 40. */
const STEPS_MAX = 50_000;
const OPEN_MAX = 8192;

export interface Place {
  /** Without links, as far as there is something. */
  readonly path: string;
  readonly found: Found;
}

/** Texts are of one character a byte where the layers say them (directory-entries.ts). */
export class LayeredRoot {
  private readonly layers: readonly string[];
  private readonly opened: number[] = [];
  private readonly directories = new Map<string, MergedDirectory>();
  private names = 0;
  private steps = 0;

  /** Directories of the layers, the topmost first. They are opened when something is looked up. */
  constructor(layers: readonly string[]) {
    this.layers = layers;
  }

  close(): void {
    for (const fd of this.opened.splice(0)) closeSync(fd);
    this.directories.clear();
  }

  /** What `path` leads to, its last link followed too. Throws UnreadableFile where that cannot be told, SystemError. */
  resolve(path: string): Place {
    const todo = componentsOf(path).reverse();
    const at: string[] = [];
    let directory = this.root();
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (++this.names > NAMES_MAX) throw new UnreadableFile(`${path} has too many directories on the way`);
      if (name === '..') {
        at.pop();
        directory = this.known(at);
        continue;
      }
      const found = this.enter(directory, at, name);
      if (found.kind === 'directory') {
        at.push(name);
        directory = found;
        continue;
      }
      if (found.kind === 'other' && found.target !== undefined) {
        if (++links > LINKS_MAX) throw new UnreadableFile(`${path} is behind too many symbolic links`);
        if (found.target.startsWith('/')) at.length = 0;
        directory = this.known(at);
        todo.push(...componentsOf(found.target).reverse());
        continue;
      }
      const whole = `/${[...at, name, ...todo.toReversed()].join('/')}`;
      return { path: whole, found: todo.length === 0 ? found : { kind: 'absent' } };
    }
    return { path: `/${at.join('/')}`, found: directory };
  }

  /** The bytes of a regular file; undefined where there is none. Throws UnreadableFile, SystemError. */
  read(path: string, most: number): Buffer | undefined {
    const { found } = this.resolve(path);
    if (found.kind === 'absent') return undefined;
    if (found.kind === 'directory') throw new UnreadableFile(`${path} is not a regular file`);
    return readFound(found.fd, path, most);
  }

  private root(): MergedDirectory {
    const known = this.directories.get('');
    if (known !== undefined) return known;
    const root: MergedDirectory = {
      kind: 'directory',
      fds: this.layers.map((path) => this.keep(openSync(path, ROOT))),
    };
    this.directories.set('', root);
    return root;
  }

  /** One that was entered before. */
  private known(at: readonly string[]): MergedDirectory {
    return this.directories.get(at.join('/')) ?? this.root();
  }

  private enter(directory: MergedDirectory, at: readonly string[], name: string): Found {
    const path = [...at, name].join('/');
    const known = this.directories.get(path);
    if (known !== undefined) return known;
    const found = entryIn(directory, name, (parent) => this.open(parent, name));
    if (found.kind === 'directory') this.directories.set(path, found);
    return found;
  }

  private open(parent: number, name: string): number | undefined {
    if (++this.steps > STEPS_MAX) throw new UnreadableFile('too many directories are on the way');
    const fd = openEntry(parent, name);
    return fd === undefined ? undefined : this.keep(fd);
  }

  private keep(fd: number): number {
    this.opened.push(fd);
    if (this.opened.length > OPEN_MAX) throw new UnreadableFile('too many directories are on the way');
    return fd;
  }
}

const ROOT = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
