/**
 * The files that a container has of its own for names: /etc/hosts, /etc/hostname and /etc/resolv.conf, bound over those
 * of its root (daemon/network/container-files.ts writes them). What stands there may be a link: init makes a mount point
 * only where it names it itself, so links are followed here, inside the root.
 */
import { fstatSync, lstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import { UnreadableFile } from '../../../native-bindings/open-in-root.ts';
import type { Mount } from '../../runtime/spec/types.ts';
import type { LayeredRoot } from '../from-image/layered-root.ts';

export const CONTAINER_FILES = ['hosts', 'hostname', 'resolv.conf'] as const;
export type ContainerFile = (typeof CONTAINER_FILES)[number];

const LINKS_MAX = 8;
/** Mounts of the runtime's own: nothing of ours goes there, whatever a link says. */
const NEVER = /^\/(proc|sys|dev)(\/|$)/;

/** A root on the host, or what looks into the layers that it is made of. */
interface Root {
  readonly path: string;
  readonly files?: LayeredRoot;
}

export interface FileMounts {
  readonly mounts: readonly Mount[];
  readonly warnings: readonly string[];
}

/**
 * @param root - the root file system on the host, and whether no mount point can be made in it
 * @param directory - where the files are
 * @param taken - where the container has mounts of its own
 */
export function fileMounts(
  root: Root & { readonly isFixed: boolean },
  directory: string,
  taken: readonly string[],
): FileMounts {
  const mounts: Mount[] = [];
  const warnings: string[] = [];
  for (const file of CONTAINER_FILES) {
    const path = `/etc/${file}`;
    if (taken.includes(path)) continue;
    const place = root.files === undefined ? placeOf(root.path, path) : placeInLayers(root.files, path);
    if (place === undefined || (root.isFixed && !place.exists)) {
      const why = place === undefined ? 'it is a link that leads nowhere' : 'it is not in the read-only root';
      warnings.push(`${path} is left as it is: ${why}`);
      continue;
    }
    if (taken.includes(place.path)) continue;
    const options = ['bind', 'rw', 'rprivate'];
    mounts.push({ destination: place.path, type: 'bind', source: posix.join(directory, file), options });
  }
  return { mounts, warnings };
}

/**
 * Without those whose mount point root of the container's user namespace could not make: the directory is somebody
 * else's. `owner`: that root, on the host.
 */
export function withoutUnmakeable(
  mounts: readonly Mount[],
  { root, directory, owner }: { readonly root: Root; readonly directory: string; readonly owner: number },
): FileMounts {
  const left = mounts.filter(({ source, destination }) => {
    if (source === undefined || posix.dirname(source) !== directory) return false;
    if (root.files !== undefined) {
      if (statusInLayers(root.files, destination) !== undefined) return false;
      return statusInLayers(root.files, posix.dirname(destination))?.uid !== owner;
    }
    if (lstatSync(posix.join(root.path, destination), { throwIfNoEntry: false }) !== undefined) return false;
    return statSync(posix.join(root.path, posix.dirname(destination)), { throwIfNoEntry: false })?.uid !== owner;
  });
  return {
    mounts: mounts.filter((mount) => !left.includes(mount)),
    warnings: left.map(
      ({ destination }) => `${destination} is left as it is: root of the user namespace cannot make it in this root`,
    ),
  };
}

/** What a path of the root leads to, links followed. A wrong answer harms nothing: init resolves it again, in the root. */
function placeOf(root: string, path: string): { path: string; exists: boolean } | undefined {
  let at = path;
  for (let links = 0; links < LINKS_MAX; links++) {
    const status = lstatSync(posix.join(root, at), { throwIfNoEntry: false });
    if (status?.isSymbolicLink() !== true) {
      if (status?.isDirectory() === true || NEVER.test(at)) return undefined;
      return { path: at, exists: status !== undefined };
    }
    at = posix.resolve(posix.dirname(at), readlinkSync(posix.join(root, at)));
  }
  return undefined;
}

/** The same of a root that is not mounted. What an image makes of it that cannot be told is left as it is. */
function placeInLayers(files: LayeredRoot, path: string): { path: string; exists: boolean } | undefined {
  try {
    const place = files.resolve(path);
    if (place.found.kind === 'directory' || NEVER.test(place.path)) return undefined;
    return { path: place.path, exists: place.found.kind === 'other' };
  } catch (error) {
    if (error instanceof UnreadableFile) return undefined;
    throw error;
  }
}

function statusInLayers(files: LayeredRoot, path: string): Stats | undefined {
  try {
    const { found } = files.resolve(path);
    if (found.kind === 'absent') return undefined;
    const [topmost] = found.kind === 'directory' ? found.fds : [found.fd];
    return topmost === undefined ? undefined : fstatSync(topmost);
  } catch (error) {
    if (error instanceof UnreadableFile) return undefined;
    throw error;
  }
}
