/** Takes a container's groups away, in every hierarchy. */
import { rmdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CgroupError, errorCode, isGone } from './files.ts';
import type { CgroupHost } from './host.ts';
import { groupDirectory, hierarchies } from './host.ts';
import { killAll } from './kill.ts';
import { requireGroupPath } from './path.ts';
import { subtree } from './processes.ts';

/** The first directory that is still in use; undefined when all are gone. */
function removeOnce(directories: readonly string[]): string | undefined {
  let busy: string | undefined;
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (isGone(error)) continue;
      if (!['EBUSY', 'ENOTEMPTY'].includes(errorCode(error))) {
        throw new CgroupError(directory, 'cannot remove the control group', { cause: error });
      }
      busy ??= directory;
    }
  }
  return busy;
}

/**
 * Removes the group `path` and all below it, in every hierarchy. What cannot go yet is tried again, after `between`;
 * what is still there after `milliseconds` makes it throw CgroupError EBUSY.
 */
export async function removeAll(
  host: CgroupHost,
  path: string,
  milliseconds: number,
  between: () => void = () => undefined,
): Promise<void> {
  requireGroupPath(path);
  const deadline = performance.now() + milliseconds;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const directories = hierarchies(host).flatMap((hierarchy) => subtree(groupDirectory(hierarchy, path)));
    if (directories.length === 0) return;
    const busy = removeOnce(directories);
    if (busy === undefined) return;
    if (performance.now() >= deadline) {
      throw new CgroupError(busy, 'the control group is still in use', { code: 'EBUSY' });
    }
    between();
    await delay(pause);
  }
}

/**
 * Kills what is left in the group `path`, then removes it and all below it, in every hierarchy. Resolves once all
 * is gone (at once for a group that is not there). A killed process needs a moment to leave its group; what is
 * still there after `milliseconds` makes it throw CgroupError EBUSY.
 */
export function remove(host: CgroupHost, path: string, milliseconds = 10_000): Promise<void> {
  return removeAll(host, path, milliseconds, () => {
    killAll(host, path);
  });
}
