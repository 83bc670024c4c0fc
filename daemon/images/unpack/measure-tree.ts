/** What a tree takes of the disk. It may be a running container's, which changes what is in it meanwhile. */
import { closeSync, lstatSync, opendirSync, type Stats } from 'node:fs';
import { openDirectory } from './remove-tree.ts';

/** st_blocks of stat(2) counts these, whatever the file system's own blocks are. */
const BLOCK = 512;
/** Directories below this many are not looked into: each level holds a descriptor. */
const LEVELS_MAX = 512;
/** Files with several names are told apart up to so many; beyond it each name counts. */
const LINKED_MAX = 500_000;
const NAMES_AT_ONCE = 256;

/** Bytes on the disk, a file with several names once; what is not there takes none. No link is followed. Throws SystemError, errors of fs. */
export function measureTree(path: string): number {
  const top = status(path);
  if (top === undefined) return 0;
  if (!top.isDirectory()) return top.blocks * BLOCK;
  const measure = new Measure(top.dev);
  measure.count(top);
  measure.enter(-1, Buffer.from(path).toString('latin1'), 1);
  return measure.size;
}

class Measure {
  size = 0;
  private readonly device: number;
  private readonly linked = new Set<number>();

  constructor(device: number) {
    this.device = device;
  }

  count({ blocks, nlink, ino, dev }: Stats): void {
    if (dev !== this.device) return;
    if (nlink > 1) {
      if (this.linked.has(ino)) return;
      if (this.linked.size < LINKED_MAX) this.linked.add(ino);
    }
    this.size += blocks * BLOCK;
  }

  /** All in the directory; nothing where there is none any more, or a link has come in its place. */
  enter(parent: number, name: string, level: number): void {
    const fd = openDirectory(parent, name);
    if (typeof fd !== 'number') return;
    try {
      const directory = opendirSync(pathOf(fd), { encoding: 'latin1', bufferSize: NAMES_AT_ONCE });
      try {
        for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
          this.entry(fd, entry.name, level);
        }
      } finally {
        directory.closeSync();
      }
    } finally {
      closeSync(fd);
    }
  }

  private entry(parent: number, name: string, level: number): void {
    const found = status(Buffer.concat([Buffer.from(`${pathOf(parent)}/`), Buffer.from(name, 'latin1')]));
    if (found === undefined) return;
    this.count(found);
    if (!found.isDirectory() || found.dev !== this.device || level === LEVELS_MAX) return;
    this.enter(parent, name, level + 1);
  }
}

function pathOf(fd: number): string {
  return `/proc/self/fd/${String(fd)}`;
}

/** What is of the entry itself; undefined where it is gone by now. */
function status(path: string | Buffer): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
