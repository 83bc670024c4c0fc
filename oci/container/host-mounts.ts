/**
 * The mounts of a container that has no mount namespace of its own: they are made in ours, below its root file system,
 * and are ours to take away again.
 */
import { readFileSync } from 'node:fs';
import { detachMount } from '../../native-bindings/umount.ts';

/** A line of /proc/self/mountinfo, proc_pid_mountinfo(5). An id may be given again once its mount is gone. */
export interface HostMount {
  readonly id: number;
  readonly point: string;
}

/** Octal escapes of blanks and backslashes. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** In the order in which they were mounted. */
export function mountsBelow(root: string): HostMount[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
    .map((fields) => ({ id: Number(fields[0]), point: unescape(fields[4] ?? '') }))
    .filter(({ point }) => point === root || point.startsWith(`${root}/`));
}

function contains(mounts: readonly HostMount[], { id, point }: HostMount): boolean {
  return mounts.some((mount) => mount.id === id && mount.point === point);
}

/** Those below `root` that `before` does not have. */
export function mountsSince(root: string, before: readonly HostMount[]): HostMount[] {
  return mountsBelow(root).filter((mount) => !contains(before, mount));
}

/**
 * Takes those of `mounts` away that still are where they were, the last first; but for what is below a mount of somebody
 * else's. Throws SystemError.
 */
export function removeMounts(root: string, mounts: readonly HostMount[]): void {
  // Only what is on top at its place can be taken away, and what is below it shows only then.
  for (let isDone = false; !isDone;) {
    const left = mountsBelow(root).filter((mount) => contains(mounts, mount));
    const taken = left.reverse().filter(({ id, point }) => detachMount(point, id));
    isDone = taken.length === 0;
  }
}
