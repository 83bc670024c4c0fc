/** One entry of a directory that several layers have, as overlayfs merges them: overlayfs.rst, "Upper and Lower". */
import { constants, fstatSync, readlinkSync, type Stats } from 'node:fs';
import { O_PATH, openAtIfThere } from '../../../native-bindings/directory-entries.ts';
import { getXattr } from '../../../native-bindings/xattr.ts';

/** A directory as the layers that have it, the topmost first. */
export interface MergedDirectory {
  readonly kind: 'directory';
  readonly fds: readonly number[];
}

export type Found =
  | MergedDirectory
  /** Anything else; the descriptor is O_PATH, of a link itself, and `target` what a link says. */
  | { readonly kind: 'other'; readonly fd: number; readonly status: Stats; readonly target?: string }
  | { readonly kind: 'absent' };

const ENTRY = O_PATH | constants.O_NOFOLLOW;
const WHITEOUT_DEVICE = 0;

/** `open`: the entry in one layer's directory, as openEntry; the descriptors are its owner's to close. Throws SystemError. */
export function entryIn(
  { fds: parents }: MergedDirectory,
  name: string,
  open: (parent: number) => number | undefined,
): Found {
  const fds: number[] = [];
  for (const parent of parents) {
    const fd = open(parent);
    if (fd === undefined) continue;
    const status = fstatSync(fd);
    if (isWhiteout(status)) break;
    if (!status.isDirectory()) {
      if (fds.length > 0) break;
      const target = status.isSymbolicLink() ? readlinkSync(entryPath(parent, name), 'latin1') : undefined;
      return { kind: 'other', fd, status, ...(target === undefined ? {} : { target }) };
    }
    fds.push(fd);
    if (isOpaque(fd)) break;
  }
  return fds.length === 0 ? { kind: 'absent' } : { kind: 'directory', fds };
}

/** O_PATH, of a link itself; `name` is of one character a byte. Undefined where there is none. Throws SystemError. */
export function openEntry(parent: number, name: string): number | undefined {
  return openAtIfThere(parent, name, ENTRY);
}

/** For Node's calls that follow no link at its end. */
export function entryPath(directory: number, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1');
}

/** It hides the entry of lower layers. */
function isWhiteout(status: Stats): boolean {
  return status.isCharacterDevice() && status.rdev === WHITEOUT_DEVICE;
}

/** It hides what lower layers have in it. */
function isOpaque(fd: number): boolean {
  return getXattr(`/proc/self/fd/${fd}/.`, 'trusted.overlay.opaque')?.toString() === 'y';
}
