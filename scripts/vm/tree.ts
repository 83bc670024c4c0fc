/** A tree of files to be, described before it is made, so that one that is there already need not be made again. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

type Entry =
  | { readonly is: 'file'; readonly source: string; readonly mode: number }
  | { readonly is: 'text'; readonly text: string; readonly mode: number }
  | { readonly is: 'link'; readonly to: string }
  | { readonly is: 'directory'; readonly mode: number };

export class Tree {
  private readonly entries = new Map<string, Entry>();

  /** `path` is relative; what is above it is made. */
  file(path: string, source: string, mode = 0o644): void {
    this.entries.set(path, { is: 'file', source, mode });
  }

  text(path: string, text: string, mode = 0o644): void {
    this.entries.set(path, { is: 'text', text, mode });
  }

  link(path: string, to: string): void {
    this.entries.set(path, { is: 'link', to });
  }

  directory(path: string, mode = 0o755): void {
    this.entries.set(path, { is: 'directory', mode });
  }

  /** Of names, modes and contents. */
  hash(): string {
    const hash = createHash('sha256');
    for (const [path, entry] of [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const content = entry.is === 'file' ? createHash('sha256').update(readFileSync(entry.source)).digest('hex') : '';
      hash.update(JSON.stringify([path, { ...entry, source: undefined }, content]));
    }
    return hash.digest('hex');
  }

  /** Into `folder`, which is emptied before. */
  write(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    for (const [path, entry] of this.entries) {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      if (entry.is === 'link') symlinkSync(entry.to, target);
      else if (entry.is === 'directory') mkdirSync(target, { recursive: true });
      else if (entry.is === 'text') writeFileSync(target, entry.text);
      else copyFileSync(entry.source, target);
      if (entry.is !== 'link') chmodSync(target, entry.mode);
    }
  }
}

/** Calls `make` unless `product` was made from the same tree (and `words`) before. */
export function unlessMade(product: string, tree: Tree, words: string, make: () => void): void {
  const mark = `${product}.made-from`;
  const wanted = `${tree.hash()} ${words}`;
  if (existsSync(product) && existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  rmSync(mark, { force: true });
  make();
  writeFileSync(mark, wanted);
}
