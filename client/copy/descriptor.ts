/**
 * Files by descriptor: a name is looked up in a directory that is open, through /proc/self/fd, so that nobody can put a
 * link in the way between two steps. Names are bytes.
 */
import { closeSync, constants, openSync, type PathLike } from 'node:fs';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_CREAT, O_EXCL, O_WRONLY } = constants;

/** The path of `name` in the directory that is open as `directory`. `name` is one part of a path: no slash, no "..". */
export function at(directory: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${String(directory)}/`), name]);
}

/** Throws ELOOP or ENOTDIR for a link. */
export function openDirectory(path: PathLike): number {
  return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Does not wait for whoever might write into a pipe. Throws ELOOP for a link. */
export function openFile(path: PathLike): number {
  return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

/** A file that was not there; for its owner alone until it is whole. Throws EEXIST. */
export function createFile(path: PathLike): number {
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

export function closeAll(files: Iterable<number>): void {
  for (const file of files) closeSync(file);
}
