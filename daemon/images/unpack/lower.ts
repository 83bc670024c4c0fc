/** What lower layers know of a directory that the layer itself has no entry for: its owner, mode, attributes and times. */
import { closeSync, fchmodSync, fchownSync, fstatSync, openSync } from 'node:fs';
import type { Timestamp } from '../../../native-bindings/utimensat.ts';
import { getXattr, listXattrs, setXattr } from '../../../native-bindings/xattr.ts';
import { type Describe, timestamp } from './directories.ts';
import { isTaken } from './metadata.ts';
import { DIRECTORY, openDirectory } from './remove-tree.ts';

/** What one directory is like. */
export interface Description {
  /** Owner, mode, attributes. Throws SystemError, and what Node throws. */
  readonly apply: (fd: number) => void;
  readonly accessed: Timestamp;
  readonly modified: Timestamp;
}

/** By which the attributes of an open directory are read: a path that ends at the directory, not at a link to it. */
export function ownPath(fd: number): string {
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

  /** As `description` has it; else it stays root's, 0755, of 1970. Throws SystemError. */
  readonly describe: Describe = (directory, path) => {
    const description = this.description(path.split('/'));
    if (description === undefined) return;
    description.apply(directory.fd);
    directory.accessed = description.accessed;
    directory.modified = description.modified;
  };

  /** Of a directory below the roots, or of the root: as the highest layer has it that has it. Throws SystemError. */
  description(components: readonly string[]): Description | undefined {
    for (const root of this.roots) {
      const found = this.find(root, components);
      if (found === 'hidden') return undefined;
      if (found === 'absent') continue;
      try {
        return descriptionOf(found);
      } finally {
        if (found !== root) closeSync(found);
      }
    }
    return undefined;
  }

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

function descriptionOf(from: number): Description {
  const { uid, gid, mode, atimeNs, mtimeNs } = fstatSync(from, { bigint: true });
  const xattrs = listXattrs(ownPath(from)).flatMap((name) => {
    const value = isTaken(name) ? getXattr(ownPath(from), name) : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    apply: (fd) => {
      fchownSync(fd, Number(uid), Number(gid));
      fchmodSync(fd, Number(mode & 0o7777n));
      for (const [name, value] of xattrs) setXattr(fd, name, value);
    },
    accessed: timestamp(atimeNs),
    modified: timestamp(mtimeNs),
  };
}
