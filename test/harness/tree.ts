/** Everything that can be told of a directory's tree, entry by entry, to compare it with another or with itself later. */
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { getXattr, listXattrs } from '../../native-bindings/xattr.ts';

/** Path below the root (one character a byte; "" the root) → one line. */
export type Tree = Readonly<Record<string, string>>;

export interface TreeOptions {
  /** Also of directories; links of a file are told apart by the first name among them. */
  readonly times?: boolean;
}

function contentOf(path: Buffer, stat: { isFile(): boolean; isSymbolicLink(): boolean }): string {
  if (stat.isFile()) return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
  return stat.isSymbolicLink() ? `-> ${readlinkSync(path, 'buffer').toString('latin1')}` : '';
}

/** `root` is followed if it is a link; nothing below it is. */
export function treeOf(root: string, { times = true }: TreeOptions = {}): Tree {
  const tree: Record<string, string> = {};
  const inodes = new Map<bigint, string>();
  const visit = (name: string): void => {
    const path = Buffer.from(`${Buffer.from(root).toString('latin1')}/${name}`, 'latin1');
    const stat = lstatSync(path, { bigint: true });
    const xattrs = listXattrs(path.toString('latin1'))
      .sort()
      .map((key) => `${key}=${getXattr(path.toString('latin1'), key)?.toString('base64') ?? ''}`);
    const first = stat.isDirectory() ? name : (inodes.get(stat.ino) ?? name);
    inodes.set(stat.ino, first);
    tree[name] = [
      `${stat.mode.toString(8)} ${String(stat.uid)}:${String(stat.gid)}`,
      stat.isDirectory() ? 'directory' : `size ${String(stat.size)} device ${String(stat.rdev)}`,
      times ? String(stat.mtimeNs) : '',
      first === name ? '' : `= ${first}`,
      contentOf(path, stat),
      ...xattrs,
    ].join(' | ');
    if (!stat.isDirectory()) return;
    const names = readdirSync(path, { encoding: 'latin1' }).sort();
    for (const each of names) visit(name === '' ? each : `${name}/${each}`);
  };
  visit('');
  return tree;
}
