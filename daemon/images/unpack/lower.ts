/** What lower layers know of a directory that the layer itself has no entry for: its owner, mode, attributes and times. */
import { closeSync, fchmodSync, fchownSync, fstatSync, openSync } from 'node:fs';
import { getXattr, listXattrs, setXattr } from '../../../native-bindings/xattr.ts';
import { type Describe, type OpenDirectory, timestamp } from './directories.ts';
import { isTaken } from './metadata.ts';
import { DIRECTORY, openDirectory } from './remove-tree.ts';

/** By which the attributes of an open directory are read: a path that ends at the directory, not at a link to it. */
function ownPath(fd: number): string {
  return `/proc/self/fd/${String(fd)}/.`;
}

export class LowerLayers {
  private readonly roots: number[] = [];

  /** Directories of layers, the topmost first as overlayfs lists them. Throws what Node throws. */
  constructor(directories: readonly string[]) {
    try {
      for (const directory of directories) this.roots.push(openSync(directory, DIRECTORY));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const fd of this.roots.splice(0)) closeSync(fd);
  }

  /** As the highest layer has it that has it; else it stays root's, 0755, of 1970. Throws SystemError. */
  readonly describe: Describe = (directory, path) => {
    for (const root of this.roots) {
      const found = this.find(root, path.split('/'));
      if (found === 'hidden') return;
      if (found === 'absent') continue;
      try {
        copyDescription(found, directory);
      } finally {
        closeSync(found);
      }
      return;
    }
  };

  /** "hidden": there is something in this layer because of which those below it are not seen. */
  private find(root: number, components: readonly string[]): number | 'absent' | 'hidden' {
    let at = root;
    let opaque = false;
    for (const name of components) {
      const next = openDirectory(at, name);
      if (at !== root) closeSync(at);
      if (next === 'not a directory') return 'hidden';
      if (next === 'absent') return opaque ? 'hidden' : 'absent';
      at = next;
      opaque ||= getXattr(ownPath(at), 'trusted.overlay.opaque')?.toString() === 'y';
    }
    return at;
  }
}

function copyDescription(from: number, to: OpenDirectory): void {
  const { uid, gid, mode, atimeNs, mtimeNs } = fstatSync(from, { bigint: true });
  fchownSync(to.fd, Number(uid), Number(gid));
  fchmodSync(to.fd, Number(mode & 0o7777n));
  for (const name of listXattrs(ownPath(from))) {
    const value = isTaken(name) ? getXattr(ownPath(from), name) : undefined;
    if (value !== undefined) setXattr(to.fd, name, value);
  }
  to.accessed = timestamp(atimeNs);
  to.modified = timestamp(mtimeNs);
}
