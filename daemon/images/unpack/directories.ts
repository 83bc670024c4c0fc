/**
 * The way from the layer's root to the directory that is written to, one descriptor a level. Each step opens a single
 * name without following links; links are read and walked here, and ".." goes one level up this stack, so that no step
 * can leave the root. When a directory is left it gets its times back, which the work in it has changed: nothing has to
 * be kept of the directories of an archive, however many there are.
 */
import { closeSync, fchmodSync, fchownSync, fstatSync, lstatSync, readlinkSync } from 'node:fs';
import { makeDirectoryAt, unlinkAt } from '../../../native-bindings/directory-entries.ts';
import { type Timestamp, setTimes } from '../../../native-bindings/utimensat.ts';
import { setXattr } from '../../../native-bindings/xattr.ts';
import { PATH_LENGTH, refused } from './path.ts';
import { openDirectory } from './remove-tree.ts';

/** Each takes a descriptor. Trees of people are some tens deep. */
const DEEPEST = 1024;
/** As the kernel: MAXSYMLINKS of include/linux/namei.h. */
const MOST_LINKS = 40;
/** What the list of implied directories may take of memory, in bytes, and what each of them takes beside its name. */
const MOST_IMPLIED = 16 * 1024 * 1024;
const IMPLIED_ROOM = 64;
/**
 * Components of links that are walked: a link can be a thousand directories long, and an entry through forty of them is
 * as short as any. So many in all, and for each entry.
 */
const LINK_STEPS = 100_000;
const LINK_STEPS_OF_ENTRY = 64;
const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 };
const WHITEOUT_DEVICE = 0n;

/** A directory on the way. `accessed` and `modified` are set when it is left, if it was `touched`. */
export interface OpenDirectory {
  readonly name: string;
  readonly fd: number;
  /** Length of the path below the root. */
  readonly length: number;
  accessed: Timestamp;
  modified: Timestamp;
  touched: boolean;
}

/** Called for a directory that no entry describes (yet), to give it an owner, a mode and times. */
export type Describe = (directory: OpenDirectory, path: string) => void;

const BILLION = 1_000_000_000n;

/** Of nanoseconds since 1970. */
export function timestamp(nanoseconds: bigint): Timestamp {
  // Towards -infinity: what is before 1970 counts its nanoseconds from the second before.
  const rest = ((nanoseconds % BILLION) + BILLION) % BILLION;
  return { seconds: Number((nanoseconds - rest) / BILLION), nanoseconds: Number(rest) };
}

/** The path of an entry of an open directory, for Node's calls that follow no link at its end. */
export function entryPath(directory: number, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${String(directory)}/${name}`, 'latin1');
}

/** How overlayfs marks that lower layers' entries of this name are gone: the device 0:0, Documentation/filesystems/overlayfs.rst. */
export function isWhiteout(directory: number, name: string): boolean {
  const stat = lstatSync(entryPath(directory, name), { bigint: true });
  return stat.isCharacterDevice() && stat.rdev === WHITEOUT_DEVICE;
}

/** Nothing of lower layers is seen in the directory. Throws SystemError. */
export function makeOpaque(fd: number): void {
  setXattr(fd, 'trusted.overlay.opaque', Buffer.from('y'));
}

export class Directories {
  private readonly stack: OpenDirectory[];
  private readonly describe: Describe;
  /** Paths of those that no entry has described. */
  private readonly implied = new Set<string>();
  private impliedRoom = 0;
  /** Some of `implied` may be gone. */
  private stale = false;
  private walks = 0;
  private linkSteps = 0;

  /** Takes over the descriptor. */
  constructor(root: number, describe: Describe) {
    this.stack = [{ name: '', fd: root, length: 0, accessed: EPOCH, modified: EPOCH, touched: true }];
    this.describe = describe;
  }

  get top(): OpenDirectory {
    const top = this.stack.at(-1);
    if (top === undefined) throw new Error('the directories were left');
    return top;
  }

  /** Where nothing is missing on the way: true. Else it stands at the last directory that is there, and false. */
  tryEnter(entry: string, components: readonly string[]): boolean {
    return this.walk(entry, components, false);
  }

  /** Makes `top` the directory of these components, and what is missing on the way. Throws ImageError, SystemError. */
  enter(entry: string, components: readonly string[]): void {
    this.walk(entry, components, true);
  }

  /** A descriptor of `name` in `top` was made or opened for an entry that describes it: goes there. */
  enterDescribed(entry: string, name: string, fd: number): OpenDirectory {
    const directory = this.push(entry, name, fd);
    if (this.implied.size > 0) this.implied.delete(this.path());
    return directory;
  }

  /** A directory that was in `top` is gone, with what was below it. */
  forget(): void {
    this.stale = this.implied.size > 0;
  }

  /** Leaves everything; the paths of directories that no entry describes, in order. Throws SystemError. */
  finish(): string[] {
    const paths = [...this.implied].sort();
    const present = this.stale ? paths.filter((path) => this.isPresent(path)) : paths;
    while (this.stack.length > 0) this.leave();
    return present;
  }

  /** After a failure. */
  abandon(): void {
    for (const { fd } of this.stack.splice(0)) closeSync(fd);
  }

  private path(): string {
    return this.stack
      .slice(1)
      .map(({ name }) => name)
      .join('/');
  }

  /** Still a directory, and not by way of a link. */
  private isPresent(path: string): boolean {
    return this.walk(path, path.split('/'), false) && this.path() === path;
  }

  private leave(): void {
    const { fd, accessed, modified, touched } = this.top;
    if (touched) setTimes(fd, accessed, modified);
    closeSync(fd);
    this.stack.pop();
  }

  private push(entry: string, name: string, fd: number): OpenDirectory {
    const length = this.top.length + name.length + 1;
    if (this.stack.length > DEEPEST || length > PATH_LENGTH) {
      closeSync(fd);
      throw refused(entry, `is deeper than ${String(DEEPEST)} directories or ${String(PATH_LENGTH)} bytes`);
    }
    const { atimeNs, mtimeNs } = fstatSync(fd, { bigint: true });
    const directory = {
      ...{ name, fd, length, touched: false },
      ...{ accessed: timestamp(atimeNs), modified: timestamp(mtimeNs) },
    };
    this.stack.push(directory);
    return directory;
  }

  private walk(entry: string, components: readonly string[], make: boolean): boolean {
    this.walks++;
    let shared = 0;
    while (shared < components.length && this.stack[shared + 1]?.name === components[shared]) shared++;
    while (this.stack.length > shared + 1) this.leave();
    const todo = components.slice(shared).reverse();
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === '..') {
        if (this.stack.length > 1) this.leave();
        continue;
      }
      const found = openDirectory(this.top.fd, name);
      if (typeof found === 'number') {
        this.push(entry, name, found);
        continue;
      }
      const link = found === 'not a directory' ? this.linkAt(name) : undefined;
      if (link !== undefined) {
        if (++links > MOST_LINKS) throw refused(entry, 'lies behind too many symbolic links');
        if (link.startsWith('/')) while (this.stack.length > 1) this.leave();
        this.countSteps(entry, link);
        todo.push(
          ...link
            .split('/')
            .filter((part) => part !== '' && part !== '.')
            .reverse(),
        );
      } else if (!make) return false;
      else this.makeImplied(entry, name, found === 'absent');
    }
    return true;
  }

  private countSteps(entry: string, link: string): void {
    this.linkSteps += link.split('/').length;
    if (this.linkSteps > LINK_STEPS + LINK_STEPS_OF_ENTRY * this.walks) {
      throw refused(entry, 'lies behind symbolic links that are too long');
    }
  }

  private linkAt(name: string): string | undefined {
    const path = entryPath(this.top.fd, name);
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path, 'buffer').toString('latin1') : undefined;
  }

  private makeImplied(entry: string, name: string, absent: boolean): void {
    const parent = this.top.fd;
    if (!absent) {
      if (!isWhiteout(parent, name)) throw refused(entry, 'lies below what is not a directory');
      unlinkAt(parent, name);
    }
    makeDirectoryAt(parent, name, 0o755);
    this.top.touched = true;
    const fd = openDirectory(parent, name);
    if (typeof fd !== 'number') throw new Error('a directory that was just made is gone');
    const directory = this.push(entry, name, fd);
    // Whatever the umask and the group of the parent make of it.
    fchownSync(fd, 0, 0);
    fchmodSync(fd, 0o755);
    Object.assign(directory, { accessed: EPOCH, modified: EPOCH, touched: true });
    const path = this.path();
    this.impliedRoom += IMPLIED_ROOM + path.length;
    if (this.impliedRoom > MOST_IMPLIED) throw refused(entry, 'is in one of too many directories without an entry');
    this.implied.add(path);
    this.describe(directory, path);
    if (!absent) makeOpaque(fd);
  }
}
