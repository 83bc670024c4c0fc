/** The files of one log: `log.N` … `log.1`, `log`, oldest first; the shim renames them upwards when it rotates. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LogFile } from './log-file.ts';
import type { TextEncoding } from './record.ts';

/** A look at the files falls between two renames this often in a row only if something else is wrong. */
const MOST_LOOKS = 100;

/** Paths, oldest first; without the directory there are none. */
export async function logPaths(path: string): Promise<string[]> {
  const name = basename(path);
  let names: string[];
  try {
    names = await readdir(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const numbers = names
    .filter((found) => found.startsWith(`${name}.`) && /^[1-9]\d{0,8}$/.test(found.slice(name.length + 1)))
    .map((found) => Number(found.slice(name.length + 1)))
    .sort((a, b) => b - a);
  const older = numbers.map((number) => join(dirname(path), `${name}.${String(number)}`));
  return names.includes(name) ? [...older, path] : older;
}

/** The inode that `path` names now; undefined if none. */
export async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** All files at one moment, opened, oldest first: none missing, none twice, though the shim may rotate meanwhile. */
export async function openFiles(path: string, encoding: TextEncoding): Promise<LogFile[]> {
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const files = await openOnce(path, encoding);
    if (files !== undefined) return files;
  }
  throw new Error(`the log ${path} is rotated faster than it can be opened`);
}

async function openOnce(path: string, encoding: TextEncoding): Promise<LogFile[] | undefined> {
  const files: LogFile[] = [];
  let steady = false;
  try {
    const before = await logPaths(path);
    for (const each of before) {
      const file = await LogFile.open(each, encoding);
      if (file === undefined) return undefined;
      files.push(file);
    }
    const after = await logPaths(path);
    const inodes = await Promise.all(after.map((each) => inodeOf(each)));
    steady = inodes.length === files.length && inodes.every((inode, index) => inode === files[index]?.inode);
    return steady ? files : undefined;
  } finally {
    if (!steady) await Promise.all(files.map((file) => file.close()));
  }
}
