/**
 * The root of a container that does not run, with its binds, mounted in the thread's own mount namespace. To be read: the
 * upper layer is one more lower layer, and the mount points that are still to be made go to a tmpfs, so that nothing of
 * the container is written to. To be written to: the overlay that its init would mount.
 */
import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';
import { O_PATH, makeDirectoryAt, openAt } from '../../../native-bindings/directory-entries.ts';
import { attachMount, cloneMount, makeReadOnly, newMount } from '../../../native-bindings/mounts.ts';
import { RESOLVE, openBelow } from '../../../native-bindings/openat2.ts';
import { isSystemError } from '../../images/unpack/remove-tree.ts';
import { bytesOf } from './path.ts';
import type { MountSource } from '../../runtime/plan/target.ts';
import type { ViewPurpose } from './view.ts';
import { type ViewOverlays, isThere, makeLikeLower, makeUpper, overlay } from './view-overlay.ts';
import type { Upper, ViewSource, ViewedMount } from './view-source.ts';

const DIRECTORY = O_PATH | constants.O_DIRECTORY;
const OWN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const INSIDE = RESOLVE.inRoot | RESOLVE.noMagicLinks;

type Stopped = Exclude<ViewSource, { readonly is: 'running' }>;

export interface MountedRoot {
  readonly root: number;
  readonly absent: ReadonlySet<bigint>;
}

/** `overlays` are to be cleared when the namespace is left, also after a failure. Throws SystemError, and what Node throws. */
export function mountRoot(source: Stopped, purpose: ViewPurpose, overlays: ViewOverlays): MountedRoot {
  const root = source.is === 'directory' ? directoryRoot(source, purpose) : layeredRoot(source, purpose, overlays);
  if (purpose === 'root') return { root, absent: new Set() };
  const missing = source.mounts
    .filter((mount) => !attachBind(root, mount, overlays))
    .map(({ destination }) => destination);
  const absent = new Set([...source.absent, ...missing].flatMap((destination) => standIn(root, destination) ?? []));
  return { root, absent };
}

/** Mount points that are missing are made in the directory itself only where it is to be written to. */
function directoryRoot({ path, mountPoint }: Stopped & { is: 'directory' }, purpose: ViewPurpose): number {
  if (purpose === 'read') return overlayToRead([path], false, mountPoint);
  const directory = openSync(path, DIRECTORY);
  try {
    return attached(cloneMount(directory, purpose === 'write'), mountPoint);
  } finally {
    closeSync(directory);
  }
}

function layeredRoot(source: Stopped & { is: 'stopped' }, purpose: ViewPurpose, overlays: ViewOverlays): number {
  const { lower, writes, userxattr, mountPoint } = source;
  if (purpose === 'write' && writes !== undefined) {
    makeUpper(writes, lower[0] ?? '/');
    return attached(overlays.mount({ lower, writes, userxattr }), mountPoint);
  }
  const all = [...(writes === undefined || !isThere(writes.upper) ? [] : [writes.upper]), ...lower];
  return overlayToRead(all, userxattr, mountPoint);
}

/** Layers, the topmost first, as one tree; what is written to it is lost. */
export function overlayToRead(lower: readonly string[], userxattr: boolean, mountPoint: string): number {
  const scratch = attached(newMount('tmpfs', [['mode', '0700']]), mountPoint);
  try {
    // overlayfs takes the root's mode and owner from the upper directory
    makeLikeLower(scratch, 'upper', lower[0] ?? '/');
    makeDirectoryAt(scratch, 'work', 0o700);
    const of = `/proc/self/fd/${String(scratch)}`;
    return attached(overlay({ lower, writes: { upper: `${of}/upper`, work: `${of}/work` }, userxattr }), mountPoint);
  } finally {
    closeSync(scratch);
  }
}

/** On top of what is there; closes it where that fails. */
function attached(mount: number, mountPoint: string): number {
  try {
    const place = openSync(mountPoint, DIRECTORY);
    try {
      attachMount(mount, place);
    } finally {
      closeSync(place);
    }
    return mount;
  } catch (error) {
    closeSync(mount);
    throw error;
  }
}

/** False: what it is made of is not there (any more). */
function attachBind(root: number, mount: ViewedMount, overlays: ViewOverlays): boolean {
  const tree = treeOf(mount, overlays);
  if (tree === undefined) return false;
  try {
    if (mount.readonly) makeReadOnly(tree, mount.recursive);
    const place = placeFor(root, mount.destination, fstatSync(tree).isDirectory());
    try {
      attachMount(tree, place);
    } finally {
      closeSync(place);
    }
    return true;
  } finally {
    closeSync(tree);
  }
}

function treeOf({ source, recursive, made }: ViewedMount, overlays: ViewOverlays): number | undefined {
  // another container's, which is seen in that one
  if (made?.kind === 'joined') return undefined;
  try {
    if (made?.kind === 'layers') return overlays.mount({ ...made, writes: writableOf(made), userxattr: false });
    const fd = made === undefined ? openSync(source, O_PATH) : openMade(made);
    try {
      return cloneMount(fd, recursive);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

/** What is written to a mounted image is seen once its first start has made a place for it. */
function writableOf({ writable }: MountSource & { kind: 'layers' }): Upper | undefined {
  return writable !== undefined && isThere(writable.upper) && isThere(writable.work) ? writable : undefined;
}

function openMade({ directory, path }: MountSource & { kind: 'below' }): number {
  const below = openSync(directory, DIRECTORY);
  try {
    return openBelow(below, bytesOf(path), O_PATH, INSIDE);
  } finally {
    closeSync(below);
  }
}

/** The mount point, made where it is missing, and the directories on the way: 0755, root's. */
function placeFor(root: number, destination: string, isDirectory: boolean): number {
  const components = bytesOf(destination)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  for (let made = 0; made < components.length; made++) {
    const path = components.slice(0, made + 1).join('/');
    try {
      closeSync(openBelow(root, path, O_PATH, INSIDE));
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
      makePlace(root, components.slice(0, made), components[made] ?? '', isDirectory || made < components.length - 1);
    }
  }
  return openBelow(root, components.join('/') || '.', O_PATH, INSIDE);
}

/** By descriptor: where others have the directory mounted too, the name may lead elsewhere by now. */
function makePlace(root: number, parents: readonly string[], name: string, isDirectory: boolean): void {
  const parent = openBelow(root, parents.join('/') || '.', DIRECTORY, INSIDE);
  try {
    if (isDirectory) makeDirectoryAt(parent, name, 0o755);
    const made = isDirectory ? openAt(parent, name, OWN_DIRECTORY) : openAt(parent, name, NEW_FILE, 0o644);
    try {
      fchmodSync(made, isDirectory ? 0o755 : 0o644);
    } finally {
      closeSync(made);
    }
  } finally {
    closeSync(parent);
  }
}

/** An empty, read-only directory where the container has a mount only while it runs; its device. Nothing where no mount point is. */
function standIn(root: number, destination: string): bigint | undefined {
  let place: number | undefined;
  try {
    place = openBelow(root, bytesOf(destination), DIRECTORY, INSIDE);
    const empty = newMount('tmpfs', [['mode', '0755']]);
    try {
      makeReadOnly(empty, false);
      attachMount(empty, place);
      return fstatSync(empty, { bigint: true }).dev;
    } finally {
      closeSync(empty);
    }
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  } finally {
    if (place !== undefined) closeSync(place);
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
