/**
 * Where things go to be deleted: a rename takes all of a layer away at once, whatever comes after it, and what is here
 * when the daemon starts is deleted then.
 */
import { randomBytes } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskFull } from './disk-full.ts';
import { removeTree } from './remove-tree.ts';

export class Trash {
  private readonly directory: string;
  private readonly busy = new Set<string>();

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Away with the file or directory; gone already is well. Throws errors of fs. */
  async discard(path: string): Promise<void> {
    const deleted = await this.take(path);
    await deleted();
  }

  /** Resolves when the name is free; what is given then deletes. */
  async take(path: string): Promise<() => Promise<void>> {
    const name = randomBytes(16).toString('hex');
    this.busy.add(name);
    let taken = join(this.directory, name);
    try {
      await rename(path, taken);
    } catch (error) {
      this.busy.delete(name);
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return () => Promise.resolve();
      if (!isDiskFull(error)) throw error;
      // no room for one more name: then it is deleted where it is, before the name is called free
      taken = path;
      await removeTree(taken, this.directory);
    }
    return async () => {
      try {
        await removeTree(taken, this.directory);
      } finally {
        this.busy.delete(name);
      }
    };
  }

  /** Names of what nothing is at work on: an earlier daemon left it. */
  async leftOvers(): Promise<string[]> {
    return (await readdir(this.directory)).filter((name) => !this.busy.has(name));
  }

  async empty(): Promise<void> {
    for (const name of await this.leftOvers()) await removeTree(join(this.directory, name), this.directory);
  }
}
