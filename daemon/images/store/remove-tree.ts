/**
 * Removes a directory with all that is in it. The tree was made by an image: names need not be UTF-8, a directory may
 * have a million entries, and paths may be longer than the kernel takes in one piece. No symlink is followed.
 */
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, opendir, rename, rmdir, unlink } from 'node:fs/promises';

/** Half of PATH_MAX: below it a name of 255 bytes more always fits. */
const LONG_PATH = 2048;
/** Entries read, and files removed, at a time. */
const BATCH = 32;

const SLASH = Buffer.from('/');

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** What is gone already is well: two may clear up the same. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!isGone(error)) throw error;
    return undefined;
  }
}

async function unlinkAll(paths: Buffer[]): Promise<void> {
  await Promise.all(paths.splice(0).map((path) => unlessGone(unlink(path))));
}

/** Empties `directory` of all but directories, and gives those. */
async function unlinkFiles(directory: Buffer): Promise<Buffer[]> {
  const directories: Buffer[] = [];
  const files: Buffer[] = [];
  // the types have no Dir of Buffers, which `encoding` asks for
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: BATCH };
  const entries = (await unlessGone(opendir(directory, options))) as unknown as
    AsyncIterable<Dirent<Buffer>> | undefined;
  if (entries === undefined) return [];
  for await (const entry of entries) {
    const path = Buffer.concat([directory, SLASH, entry.name]);
    // file systems without d_type leave it to us to look
    const isDirectory = entry.isDirectory() || (!entry.isFile() && (await unlessGone(lstat(path)))?.isDirectory());
    if (isDirectory === true) directories.push(path);
    else if (files.push(path) === BATCH) await unlinkAll(files);
  }
  await unlinkAll(files);
  return directories;
}

/**
 * `path`: a directory or anything else; gone already is well. `aside`: a directory on the same file system, into which
 * subdirectories with too long a path are moved on the way. Throws errors of fs.
 */
export async function removeTree(path: string, aside: string): Promise<void> {
  const top = await unlessGone(lstat(path));
  if (top === undefined) return;
  if (!top.isDirectory()) {
    await unlessGone(unlink(path));
    return;
  }
  const stack: { readonly path: Buffer; isEmptied: boolean }[] = [{ path: Buffer.from(path), isEmptied: false }];
  for (let next = stack.at(-1); next !== undefined; next = stack.at(-1)) {
    if (next.isEmptied) {
      await unlessGone(rmdir(next.path));
      stack.pop();
      continue;
    }
    next.isEmptied = true;
    for (const directory of await unlinkFiles(next.path)) {
      stack.push({ path: await shortened(directory, aside), isEmptied: false });
    }
  }
}

async function shortened(directory: Buffer, aside: string): Promise<Buffer> {
  if (directory.length <= LONG_PATH) return directory;
  const shorter = Buffer.from(`${aside}/${randomBytes(8).toString('hex')}`);
  await unlessGone(rename(directory, shorter));
  return shorter;
}
