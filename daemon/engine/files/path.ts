/** A path of a request inside a container's root: what it names, opened; and where its links lead. */
import { type BigIntStats, closeSync, constants, fstatSync } from 'node:fs';
import { O_PATH } from '../../../native-bindings/directory-entries.ts';
import { RESOLVE, openBelow } from '../../../native-bindings/openat2.ts';
import { readLinkOf } from '../../../native-bindings/readlink.ts';
import { shown } from '../../images/errors.ts';
import { FileError } from '../../images/pack/file-error.ts';
import { pseudoFileSystemOf } from '../../images/pack/pseudo-files.ts';
import { isSystemError } from '../../images/unpack/remove-tree.ts';
import type { View } from './view.ts';

const INSIDE = RESOLVE.inRoot | RESOLVE.noMagicLinks;
/** As the kernel: MAXSYMLINKS of include/linux/namei.h. */
const MOST_LINKS = 40;

/** A text of the API as the kernel's bytes, one character each. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

/** What is asked of a directory's content: a link at the end is followed then. */
export function namesDirectory(path: string): boolean {
  return /(?:^|\/)\.{0,2}$/.test(path);
}

/** The last part of the path, as archives name what they hold: "/" for the root, "." where the path ends so. */
export function lastName(path: string): string {
  const components = path.split('/').filter((part) => part !== '');
  return components.at(-1) ?? '/';
}

export interface OpenPath {
  /** O_PATH; the caller closes it. */
  readonly fd: number;
  readonly status: BigIntStats;
}

/**
 * What `path` names; a link at its end is opened itself unless `follow`, or the path asks for a directory.
 *
 * @throws FileError path_not_found, not_a_directory, unsupported (what lies there is there only while the container runs,
 * or is no file at all)
 */
export function openPath(view: View, path: string, { follow }: { readonly follow: boolean }): OpenPath {
  const flags = O_PATH | (follow ? 0 : constants.O_NOFOLLOW);
  // "/link/." too means the directory
  const fd = opened(path, () => openBelow(view.root, rooted(path), flags, INSIDE));
  try {
    const status = fstatSync(fd, { bigint: true });
    if (view.absent.has(status.dev)) {
      throw new FileError('unsupported', `${shown(path)} is on a mount that is there only while the container runs`);
    }
    const pseudo = pseudoFileSystemOf(fd);
    if (pseudo === undefined) return { fd, status };
    throw new FileError(
      'unsupported',
      `${shown(path)} is on ${pseudo}, which holds no files but the kernel's view of itself`,
    );
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function rooted(path: string): string {
  const bytes = bytesOf(path).replace(/^\/+/, '');
  return bytes === '' ? '.' : bytes;
}

function opened(path: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    if (isSystemError(error, 'ENOENT'))
      throw new FileError('path_not_found', `there is no ${shown(path)} in the container`, { cause: error });
    if (isSystemError(error, 'ENOTDIR'))
      throw new FileError('not_a_directory', `${shown(path)} leads through what is not a directory`, { cause: error });
    if (isSystemError(error, 'ELOOP'))
      throw new FileError('path_not_found', `${shown(path)} leads through links without an end, or out of files`, {
        cause: error,
      });
    if (isSystemError(error, 'ENAMETOOLONG'))
      throw new FileError('invalid_field', `${shown(path)} is too long`, { cause: error });
    throw error;
  }
}

/**
 * Where the link at `path` leads in the end, as an absolute path in the container without links; what is missing at its
 * end stays as it is written. For telling only: whatever is opened is resolved by the kernel.
 */
export function whereLeads(view: View, path: string): string | undefined {
  const found: string[] = [];
  const todo = partsOf(path);
  for (let links = 0; todo.length > 0;) {
    const name = todo.pop() ?? '';
    if (name === '..') {
      found.pop();
      continue;
    }
    const target = linkAt(view, [...found, name].join('/'));
    if (target === undefined) found.push(name);
    else {
      if (++links > MOST_LINKS) return undefined;
      if (target.startsWith('/')) found.length = 0;
      todo.push(...partsOf(target));
    }
  }
  return `/${found.join('/')}`;
}

/** The last first. */
function partsOf(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .reverse();
}

/** Undefined: it is no link, or not there. */
function linkAt(view: View, path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openBelow(view.root, bytesOf(path), O_PATH | constants.O_NOFOLLOW, INSIDE);
    return fstatSync(fd).isSymbolicLink() ? textOf(readLinkOf(fd)) : undefined;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
