/**
 * A tree as a tar archive, by descriptors: a directory is read through the descriptor that was looked at, each entry is
 * opened once, without following links, and what it is was asked of that descriptor. So whoever lives in the tree may swap
 * what he likes meanwhile; nothing outside of it is reached, and no FIFO, device or socket is opened.
 */
import { type BigIntStats, type Dir, closeSync, constants, fstatSync, opendirSync } from 'node:fs';
import { O_PATH, openAt } from '../../../native-bindings/directory-entries.ts';
import { isSystemError } from '../unpack/remove-tree.ts';
import { PATH_LENGTH } from '../unpack/path.ts';
import { EntryPacker, type PackerOptions, kindOf } from './entry-packer.ts';
import { FileError, readablePath } from './file-error.ts';
import { pseudoFileSystemOf } from './pseudo-files.ts';

/** Each level takes two descriptors. Trees of people are some tens deep. */
const DEEPEST = 1000;
const NAMES_AT_ONCE = 256;
const ENTRY = O_PATH | constants.O_NOFOLLOW;

interface Level {
  readonly fd: number;
  readonly names: Dir;
  /** What the names of its entries begin with in the archive. */
  readonly prefix: string;
  readonly device: bigint;
}

export interface TreeOptions extends PackerOptions {
  /** Throws for a name that the archive must not hold. */
  readonly check?: (name: string) => void;
}

/**
 * What `top` (O_PATH, the caller's to close) is, and what is below it, named `name` and after it. Yields full pieces.
 *
 * @param name - of bytes, one character each; "/" and "." are names of directories too
 * @throws FileError, SystemError, and what Node throws
 */
export function* packTree(top: number, name: string, options: TreeOptions): Generator<Buffer> {
  const packer = new EntryPacker(options);
  const levels: Level[] = [];
  try {
    const status = fstatSync(top, { bigint: true });
    yield* packer.add(top, status, name);
    if (status.isDirectory()) levels.push(levelOf(top, name === '/' ? '' : name, status));
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = level.names.readSync();
      if (entry === null) leave(levels.pop(), top);
      else yield* packEntry(packer, levels, level, entry.name, options.check);
    }
    yield* packer.finish();
  } finally {
    while (levels.length > 0) leave(levels.pop(), top);
  }
}

function levelOf(fd: number, prefix: string, { dev }: BigIntStats): Level {
  const names = opendirSync(`/proc/self/fd/${String(fd)}`, { encoding: 'latin1', bufferSize: NAMES_AT_ONCE });
  return { fd, names, prefix: `${prefix}/`, device: dev };
}

function leave(level: Level | undefined, top: number): void {
  if (level === undefined) return;
  level.names.closeSync();
  if (level.fd !== top) closeSync(level.fd);
}

function* packEntry(
  packer: EntryPacker,
  levels: Level[],
  level: Level,
  entry: string,
  check: TreeOptions['check'],
): Generator<Buffer> {
  const fd = openEntry(level.fd, entry);
  if (fd === undefined) return;
  let isKept = false;
  try {
    const name = level.prefix + entry;
    const status = fstatSync(fd, { bigint: true });
    const isForeign = status.dev !== level.device && pseudoFileSystemOf(fd) !== undefined;
    const kind = kindOf(status);
    if (kind === 'socket' || (isForeign && kind !== 'directory')) return;
    if (name.length > PATH_LENGTH || levels.length > DEEPEST) throw tooDeep(name);
    check?.(name);
    yield* packer.add(fd, status, name);
    if (kind !== 'directory' || isForeign) return;
    levels.push(levelOf(fd, name, status));
    isKept = true;
  } finally {
    if (!isKept) closeSync(fd);
  }
}

/** Undefined: it is gone by now. */
export function openEntry(directory: number, name: string): number | undefined {
  try {
    return openAt(directory, name, ENTRY);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export function tooDeep(name: string): FileError {
  const end = readablePath(name.slice(-80));
  return new FileError(
    'unsupported',
    `…${end} lies deeper than ${String(DEEPEST)} directories or ${String(PATH_LENGTH)} bytes`,
  );
}
