/**
 * What the sources of a COPY name below a root: paths, and wildcards as filepath.Match of Go has them. A path is resolved by
 * the kernel, and its links end inside the root; what wildcards match is walked without following any.
 */
import { type BigIntStats, closeSync, constants, fstatSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { O_PATH, openAt } from '../../../../native-bindings/directory-entries.ts';
import { RESOLVE, openBelow } from '../../../../native-bindings/openat2.ts';
import { shown } from '../../../images/errors.ts';
import { FileError } from '../../../images/pack/file-error.ts';
import { openEntry } from '../../../images/pack/pack-tree.ts';
import { isSystemError } from '../../../images/unpack/remove-tree.ts';
import { patternOf } from '../../images/pattern.ts';
import { bytesOf, textOf } from '../../files/path.ts';

const INSIDE = RESOLVE.inRoot | RESOLVE.noMagicLinks;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Matches of one wildcard. */
const MATCHES_MAX = 100_000;

export interface Selected {
  /** O_PATH; until the next is asked for. */
  readonly fd: number;
  readonly status: BigIntStats;
  /** Below the root, as it was named; bytes, one character each. "" is the root itself. */
  readonly path: string;
}

/** In order. Throws FileError path_not_found, invalid_field; SystemError. */
export function* selected(root: number, paths: readonly string[], hidden: readonly string[]): Generator<Selected> {
  const left = new Set(hidden.map(bytesOf));
  for (const given of paths) {
    for (const path of matchesOf(root, relativeOf(given))) {
      if (left.has(path)) {
        if (hasWildcard(given)) continue;
        throw notFound(given);
      }
      const fd = opened(root, path, given);
      try {
        yield { fd, status: fstatSync(fd, { bigint: true }), path };
      } finally {
        closeSync(fd);
      }
    }
  }
}

/** Throws FileError invalid_field for what lies outside. */
function relativeOf(given: string): string {
  const path = posix.normalize(given.startsWith('/') ? given : `./${given}`).replace(/^\/+|\/+$/g, '');
  if (path === '..' || path.startsWith('../')) {
    throw new FileError('invalid_field', `forbidden path outside the build context: ${shown(given)}`);
  }
  return path === '.' ? '' : path;
}

function hasWildcard(path: string): boolean {
  return /^(?:[^\\*?[]|\\[^])*[*?[]/.test(path);
}

function matchesOf(root: number, path: string): string[] {
  if (!hasWildcard(path)) return [bytesOf(path)];
  const patterns = path.split('/').map((part) => patternOf(part, 'source'));
  const found: string[] = [];
  const walk = (directory: number, prefix: string, depth: number): void => {
    const pattern = patterns[depth];
    if (pattern === undefined) return;
    const names = readdirSync(`/proc/self/fd/${String(directory)}`, 'latin1').sort();
    for (const name of names.filter((each) => pattern(textOf(each)))) {
      if (depth === patterns.length - 1) found.push(prefix + name);
      else inDirectory(directory, name, (fd) => walk(fd, `${prefix}${name}/`, depth + 1));
      if (found.length > MATCHES_MAX) {
        throw new FileError('unsupported', `${shown(path)} matches more than ${String(MATCHES_MAX)} files`);
      }
    }
  };
  const top = openAt(root, '.', DIRECTORY);
  try {
    walk(top, '', 0);
  } finally {
    closeSync(top);
  }
  return found;
}

/** Only where it is one, and no link to one. */
function inDirectory(parent: number, name: string, visit: (fd: number) => void): void {
  const fd = openEntry(parent, name);
  if (fd === undefined) return;
  try {
    if (fstatSync(fd).isDirectory()) visit(fd);
  } finally {
    closeSync(fd);
  }
}

function opened(root: number, path: string, given: string): number {
  try {
    return openBelow(root, path === '' ? '.' : path, O_PATH, INSIDE);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) throw notFound(given, error);
    throw error;
  }
}

function notFound(given: string, cause?: unknown): FileError {
  return new FileError('path_not_found', `${shown(given)} is not there`, { cause });
}
