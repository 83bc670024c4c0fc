/**
 * Overlays of a view. The end of one that is written to would wait until the whole file system below has written what it
 * holds in memory, whoever wrote it (ovl_sync_fs of fs/overlayfs/super.c): several times what the copy takes. So it is
 * volatile; what is copied is on the disk when the kernel has written it, as it is with cp(1), and as it is in a container
 * that runs. A volatile overlay leaves a mark in its work directory, which forbids to use it again, so that is the
 * view's own, beside the container's: a daemon that is killed meanwhile leaves nothing there that the next start minds.
 */
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { O_PATH, changeOwnerAt, makeDirectoryAt } from '../../../native-bindings/directory-entries.ts';
import { newMount } from '../../../native-bindings/mounts.ts';
import type { Upper } from './view-source.ts';

const DIRECTORY = O_PATH | constants.O_DIRECTORY;
/** fsconfig(2) takes no longer text. */
const LONGEST_OPTION = 255;
const INDEX = '/sys/module/overlay/parameters/index';

type Options = (readonly [key: string, value: string | true])[];

interface Layers {
  readonly lower: readonly string[];
  readonly writes?: Upper | undefined;
  readonly userxattr: boolean;
}

export class ViewOverlays {
  private readonly own: string[] = [];

  /** With the upper layer of a container, or of something that it has mounted. Not attached. Throws SystemError, and what Node throws. */
  mount({ lower, writes, userxattr }: Layers): number {
    if (writes === undefined || isIndexed()) return overlay({ lower, writes, userxattr });
    // of its own also among views: several may be there at a time
    const work = mkdtempSync(`${writes.work}-of-copy-`);
    this.own.push(work);
    return overlay({ lower, writes: { upper: writes.upper, work }, userxattr }, [['volatile', true]]);
  }

  /** When none of them is mounted any more. Throws what Node throws. */
  clear(): void {
    for (const work of this.own.splice(0)) rmSync(work, { recursive: true, force: true });
  }
}

/** Then a work directory holds what belongs to its upper directory for good. */
function isIndexed(): boolean {
  try {
    return readFileSync(INDEX, 'latin1').startsWith('Y');
  } catch {
    // there is no such thing in this kernel
    return false;
  }
}

/** Not attached. Directories are given by descriptor: their paths may hold ":" and ",". Throws SystemError, and what Node throws. */
export function overlay({ lower, writes, userxattr }: Layers, more: Options = []): number {
  const opened: number[] = [];
  const byDescriptor = (path: string): string => {
    const fd = openSync(path, DIRECTORY);
    opened.push(fd);
    return `/proc/self/fd/${String(fd)}`;
  };
  try {
    const layers = lower.map(byDescriptor);
    const joined = layers.join(':');
    const options: Options = [['source', 'overlay'], ...more];
    if (joined.length <= LONGEST_OPTION) options.push(['lowerdir', joined]);
    else options.push(...layers.map((layer) => ['lowerdir+', layer] as const));
    if (writes !== undefined) {
      options.push(['upperdir', byDescriptor(writes.upper)], ['workdir', byDescriptor(writes.work)]);
    }
    if (userxattr) options.push(['userxattr', true]);
    return newMount('overlay', options);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** As init makes them at the first start (native-bindings/shim/init_root.c: make_upper). */
export function makeUpper({ upper, work }: Upper, lower: string): void {
  if (!isThere(upper)) {
    const parent = openSync(dirname(upper), DIRECTORY);
    try {
      makeLikeLower(parent, basename(upper), lower);
    } finally {
      closeSync(parent);
    }
  }
  if (!isThere(work)) mkdirSync(work, { mode: 0o700 });
}

export function makeLikeLower(parent: number, name: string, lower: string): void {
  const { mode, uid, gid } = statSync(lower);
  makeDirectoryAt(parent, name, mode & 0o7777);
  changeOwnerAt(parent, name, uid, gid);
  chmodSync(`/proc/self/fd/${String(parent)}/${name}`, mode & 0o7777);
}

export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
