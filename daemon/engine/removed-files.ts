/**
 * The directories of containers that were removed: renamed first, so that what is half deleted is never taken for a
 * container, and then deleted, by whoever finds them: this daemon or the next one's sweep.
 */
import { closeSync, constants, openSync, readdirSync, renameSync, rmdir, unlink } from 'node:fs';
import { CONTAINER_FILES } from './endpoints/container-mounts.ts';
import type { Trees } from './trees.ts';

/** What a directory is called while it is deleted. */
const REMOVED_SUFFIX = '.removed';
/** So many deletions that nobody waits for; whoever removes more waits for his own. */
const MOST_UNAWAITED = 64;

/** In a container's directory. */
const DIRECTORIES: ReadonlySet<string> = new Set(['etc', 'upper', 'work']);
/** Of those, and in the upper layer: with the files for names. */
const OF_NAMES: ReadonlySet<string> = new Set(['etc', 'upper/etc']);

type TreeRemover = Pick<Trees, 'remove'>;

export class RemovedFiles {
  private readonly underWay = new Set<Promise<void>>();
  private readonly trees: TreeRemover;
  private readonly failed: (directory: string, error: unknown) => void;

  /** `failed`: of a deletion that nobody waited for. */
  constructor(trees: TreeRemover, failed: (directory: string, error: unknown) => void) {
    this.trees = trees;
    this.failed = failed;
  }

  /**
   * Renames the directory. It is deleted when this resolves where the container wrote files of its own, whose room
   * whoever removes it wants back; where it did not, its few entries are deleted on threads, which takes a millisecond
   * that nobody need wait for. Rejects as rename(2) and Trees do.
   */
  async remove(directory: string): Promise<void> {
    const renamed = renameRemoved(directory);
    if (renamed === undefined) return;
    const isAwaited = this.underWay.size >= MOST_UNAWAITED || hasWritten(renamed);
    const deletion = deleteRemoved(this.trees, renamed);
    if (isAwaited) return deletion;
    const told = deletion
      .catch((error: unknown) => {
        this.failed(renamed, error);
      })
      .finally(() => this.underWay.delete(told));
    this.underWay.add(told);
  }

  /** Resolves when nothing is being deleted any more. */
  async settled(): Promise<void> {
    await Promise.all(this.underWay);
  }
}

/** Renamed and deleted. Rejects as rename(2) and Trees do. */
export async function removeFiles(trees: TreeRemover, directory: string): Promise<void> {
  const renamed = renameRemoved(directory);
  if (renamed !== undefined) await deleteRemoved(trees, renamed);
}

/** Undefined where there is none. */
function renameRemoved(directory: string): string | undefined {
  if (directory.endsWith(REMOVED_SUFFIX)) return directory;
  const renamed = directory + REMOVED_SUFFIX;
  try {
    renameSync(directory, renamed);
    return renamed;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Its upper layer has more than the mount points of the files for names. */
function hasWritten(directory: string): boolean {
  try {
    return readdirSync(`${directory}/upper`).some((name) => name !== 'etc');
  } catch {
    // ignoring that there is none, or that it cannot be read: the deletion says so
    return false;
  }
}

async function deleteRemoved(trees: TreeRemover, directory: string): Promise<void> {
  if (!(await deleteEmptied(directory))) await trees.remove(directory);
}

/** The few entries of a container that wrote nothing, each without another look at it. False where there is more. */
async function deleteEmptied(directory: string): Promise<boolean> {
  const without = (path: string): Promise<void> => ended(rmdir, `${directory}/${path}`);
  try {
    const names = readdirSync(directory);
    const upper = names.includes('upper') ? readdirSync(`${directory}/upper`).map((name) => `upper/${name}`) : [];
    if (upper.some((path) => !OF_NAMES.has(path))) return false;
    const ofNames = [...names, ...upper].filter((path) => OF_NAMES.has(path));
    await deleteFiles(
      directory,
      names.filter((name) => !DIRECTORIES.has(name)),
      ofNames,
    );
    await allEnded([
      // overlayfs leaves `work/work`, empty
      ...(names.includes('work') ? [without('work/work').then(() => without('work'))] : []),
      ...(names.includes('upper') ? [allEnded(upper.map(without)).then(() => without('upper'))] : []),
      ...(names.includes('etc') ? [without('etc')] : []),
    ]);
    await ended(rmdir, directory);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EPERM', 'ELOOP'].some((code) => isCode(error, code))) {
      return false;
    }
    throw error;
  }
}

/**
 * `names`, and what is for names: in the upper layer the mount points that init made for it. What is there is the
 * container's to make: a link in place of the directory must not lead to the host's, so they are reached by a descriptor.
 */
async function deleteFiles(directory: string, names: readonly string[], ofNames: readonly string[]): Promise<void> {
  const opened: number[] = [];
  try {
    for (const path of ofNames) {
      opened.push(openSync(`${directory}/${path}`, constants.O_DIRECTORY | constants.O_NOFOLLOW));
    }
    const files = names.map((name) => `${directory}/${name}`);
    const through = opened.flatMap((fd) => CONTAINER_FILES.map((file) => `/proc/self/fd/${String(fd)}/${file}`));
    // the number of a descriptor that is closed is soon another directory's
    await allEnded([...files, ...through].map((path) => ended(unlink, path)));
  } finally {
    opened.forEach(closeSync);
  }
}

/** Each to its end, before the first that failed is told: whoever goes on then meets none of them. */
async function allEnded(calls: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(calls);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Of what is not there is nothing to be deleted. fs.promises would take twice the time for each. */
function ended(call: typeof unlink | typeof rmdir, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    call(path, (error) => {
      if (error === null || error.code === 'ENOENT') resolve();
      else reject(error);
    });
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
