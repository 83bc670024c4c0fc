/**
 * What differs between a container's tree and the one that it was made of, directory by directory, in the order of names.
 * Either the tree itself is compared, or the upper layer of its overlay is read, which holds nothing but what was changed:
 * a device 0:0 stands for a name that is gone, and an opaque directory hides the one below it (Documentation/filesystems/overlayfs.rst).
 */
import { type BigIntStats, closeSync, fstatSync, readdirSync } from 'node:fs';
import { readLinkOf } from '../../../native-bindings/readlink.ts';
import { readXattrs } from '../../../native-bindings/xattr.ts';
import { isTaken } from '../unpack/metadata.ts';
import { PATH_LENGTH } from '../unpack/path.ts';
import { FileError, readablePath } from './file-error.ts';
import { openEntry, tooDeep } from './pack-tree.ts';

const DEEPEST = 1000;

export interface Present {
  readonly kind: 'added' | 'modified';
  /** Below the root, "" for itself; of bytes, one character each. */
  readonly path: string;
  /** O_PATH; for as long as the next difference is not asked for, and of a directory until it is left. */
  readonly fd: number;
  readonly status: BigIntStats;
  /** Of the one below nothing is seen. */
  readonly opaque: boolean;
}

export interface Deleted {
  readonly kind: 'deleted';
  readonly path: string;
  /** An opaque directory above it says so already. */
  readonly implied: boolean;
}

export type Difference = Present | Deleted;

export interface DifferOptions {
  /** The tree is an upper layer. */
  readonly isUpper: boolean;
  /** Marks of the overlay are user.overlay.*, in place of trusted.overlay.*. */
  readonly userxattr: boolean;
  /** Mount points, below the root: an empty file or directory that was made there is no difference. */
  readonly mountPoints: ReadonlySet<string>;
}

interface Level {
  readonly fd: number;
  /** The directory below, if there is one to be seen. */
  readonly lower: number | undefined;
  readonly path: string;
  readonly names: string[];
  /** It is on the way to differences, and none itself as yet. */
  pending: Present | undefined;
  readonly opaque: boolean;
}

interface Compared {
  readonly fd: number;
  readonly status: BigIntStats;
  readonly lower: { readonly fd: number; readonly status: BigIntStats } | undefined;
}

export class Differences {
  private readonly options: DifferOptions;
  private readonly mark: string;
  private readonly levels: Level[] = [];
  /** Directories that the runtime made a mount point in: their times say nothing. */
  private readonly touched: ReadonlySet<string>;

  constructor(options: DifferOptions) {
    this.options = options;
    this.mark = options.userxattr ? 'user.overlay.' : 'trusted.overlay.';
    this.touched = new Set([...options.mountPoints].map((path) => path.slice(0, Math.max(path.lastIndexOf('/'), 0))));
  }

  /**
   * Both are O_PATH and the caller's to close. A directory comes before what is in it, and is told of also where only
   * that differs.
   *
   * @throws FileError, SystemError, and what Node throws
   */
  *of(tree: number, lower: number): Generator<Difference> {
    const status = fstatSync(tree, { bigint: true });
    const below = { fd: lower, status: fstatSync(lower, { bigint: true }) };
    try {
      yield* this.directory({ fd: tree, status, lower: below }, '', undefined);
      for (let level = this.levels.at(-1); level !== undefined; level = this.levels.at(-1)) {
        const name = level.names.pop();
        if (name !== undefined) yield* this.entry(level, name);
        else this.leave(tree);
      }
    } finally {
      while (this.levels.length > 0) this.leave(tree);
    }
  }

  private leave(tree: number): void {
    const level = this.levels.pop();
    if (level === undefined || level.fd === tree) return;
    closeSync(level.fd);
    if (level.lower !== undefined) closeSync(level.lower);
  }

  /** Directories above that were not told of. */
  private *above(): Generator<Difference> {
    for (const level of this.levels) {
      if (level.pending !== undefined) yield level.pending;
      level.pending = undefined;
    }
  }

  private *entry(level: Level, name: string): Generator<Difference> {
    const path = level.path === '' ? name : `${level.path}/${name}`;
    if (path.length > PATH_LENGTH || this.levels.length > DEEPEST) throw tooDeep(path);
    const fd = openEntry(level.fd, name);
    const below = level.lower === undefined ? undefined : openEntry(level.lower, name);
    let isKept = false;
    try {
      const lower = below === undefined ? undefined : { fd: below, status: fstatSync(below, { bigint: true }) };
      const status = fd === undefined ? undefined : fstatSync(fd, { bigint: true });
      if (fd === undefined || status === undefined || isWhiteout(status)) {
        const isGone = this.options.isUpper && !level.opaque ? fd !== undefined : true;
        if (lower === undefined || !isGone) return;
        yield* this.above();
        yield { kind: 'deleted', path, implied: level.opaque };
        return;
      }
      const compared = { fd, status, lower };
      if (status.isDirectory()) {
        isKept = yield* this.directory(compared, path, level);
        return;
      }
      if (!this.differs(compared, path)) return;
      yield* this.above();
      yield { kind: lower === undefined ? 'added' : 'modified', path, fd, status, opaque: false };
    } finally {
      if (!isKept) for (const each of [fd, below]) if (each !== undefined) closeSync(each);
    }
  }

  private differs({ fd, status, lower }: Compared, path: string): boolean {
    if (lower === undefined) return !(this.options.mountPoints.has(path) && status.isFile() && status.size === 0n);
    // what is in the upper layer was copied there because it was changed
    return this.options.isUpper ? this.inUpper(fd) : !isSameFile({ fd, status }, lower);
  }

  private inUpper(fd: number): boolean {
    this.marksOf(fd);
    return true;
  }

  /** True: the descriptors are kept for as long as it is walked. */
  private *directory(
    { fd, status, lower }: Compared,
    path: string,
    parent: Level | undefined,
  ): Generator<Difference, boolean> {
    const { isUpper, mountPoints } = this.options;
    const isOpaque = isUpper && this.marksOf(fd).get(`${this.mark}opaque`)?.toString() === 'y';
    const opaque = isOpaque || parent?.opaque === true;
    const below = lower?.status.isDirectory() === true ? lower : undefined;
    const names = readdirSync(`/proc/self/fd/${String(fd)}`, 'latin1');
    if (lower === undefined && mountPoints.has(path) && names.length === 0) return false;
    if (below !== undefined && (!isUpper || opaque)) names.push(...missing(names, below.fd));
    const found: Present = { kind: lower === undefined ? 'added' : 'modified', path, fd, status, opaque: isOpaque };
    // made by the runtime for a mount point in it, if for nothing else
    const isForMounts = lower === undefined && this.touched.has(path);
    const isSame = below === undefined ? isForMounts : !isOpaque && this.isSameDirectory({ fd, status }, below, path);
    if (!isSame) {
      yield* this.above();
      yield found;
    }
    if (lower !== undefined && below === undefined) closeSync(lower.fd);
    names.sort().reverse();
    this.levels.push({ fd, lower: below?.fd, path, names, pending: isSame ? found : undefined, opaque });
    return true;
  }

  private isSameDirectory(
    one: { fd: number; status: BigIntStats },
    other: { fd: number; status: BigIntStats },
    path: string,
  ): boolean {
    const isSameTime = one.status.mtimeNs === other.status.mtimeNs || this.touched.has(path);
    return isSameTime && isSameDescription(one.status, other.status) && isSameXattrs(one.fd, other.fd);
  }

  private marksOf(fd: number): Map<string, Buffer> {
    const marks = readXattrs(fd, (name) => name.startsWith(this.mark));
    for (const mark of ['redirect', 'metacopy']) {
      if (marks.has(this.mark + mark))
        throw new FileError(
          'unsupported',
          `the upper layer has marks of overlayfs (${mark}) that this host is not set up for`,
        );
    }
    return marks;
  }
}

function missing(names: readonly string[], lower: number): string[] {
  const there = new Set(names);
  return readdirSync(`/proc/self/fd/${String(lower)}`, 'latin1').filter((name) => !there.has(name));
}

function isWhiteout(status: BigIntStats): boolean {
  return status.isCharacterDevice() && status.rdev === 0n;
}

function isSameDescription(one: BigIntStats, other: BigIntStats): boolean {
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
}

/**
 * A change of anything sets ctime, which nobody can set back; an overlay shows that of the file below until it is copied
 * up. So this tells of each that was copied up, as the upper layer would.
 */
function isSameFile(one: { fd: number; status: BigIntStats }, other: { fd: number; status: BigIntStats }): boolean {
  const [a, b] = [one.status, other.status];
  if (!isSameDescription(a, b) || a.size !== b.size || a.rdev !== b.rdev) return false;
  if (a.mtimeNs !== b.mtimeNs || a.ctimeNs !== b.ctimeNs) return false;
  return !a.isSymbolicLink() || readLinkOf(one.fd) === readLinkOf(other.fd);
}

function isSameXattrs(one: number, other: number): boolean {
  const [a, b] = [readXattrs(one, isTaken), readXattrs(other, isTaken)];
  return a.size === b.size && [...a].every(([name, value]) => b.get(name)?.equals(value) === true);
}

/** What a layer cannot hold: a name that would mean the absence of another. */
export function checkLayerName(path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!name.startsWith('.wh.')) return;
  throw new FileError(
    'unsupported',
    `${readablePath(path)} begins with ".wh.", by which layers of images say that something is gone`,
  );
}
