/**
 * How archives were unpacked before anybody attacked with them: names are joined to the directory, and the kernel follows
 * what is there. It shows that the attacks of attacks.ts are attacks. Only for a directory beside a canary of the test's own.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, basename, join } from 'node:path';
import { TarReader } from '../../../daemon/images/tar/reader.ts';
import type { TarEntry } from '../../../daemon/images/tar/entry.ts';
import { makeNodeAt } from '../../../native-bindings/directory-entries.ts';
import { setXattr } from '../../../native-bindings/xattr.ts';

/** As mkdir -p does, links followed. */
function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function makeNode(path: string, entry: TarEntry): void {
  const parent = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const type = entry.kind === 'fifo' ? constants.S_IFIFO : constants.S_IFCHR;
    makeNodeAt(parent, basename(path), type, entry.major, entry.minor);
  } finally {
    closeSync(parent);
  }
}

/** chown, chmod, setxattr, utimes: those that follow links. */
function describe(path: string, { uid, gid, mode, modified, xattrs }: TarEntry): void {
  if (!existsSync(path)) return;
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  for (const [name, value] of xattrs) setXattr(fd, name, value);
  closeSync(fd);
  utimesSync(path, modified.seconds, modified.seconds);
}

function hide(path: string, name: string): void {
  const parent = dirname(path);
  const hidden = name.slice('.wh.'.length);
  if (name === '.wh..wh..opq') for (const each of readdirSync(parent)) rmSync(join(parent, each), { recursive: true });
  // joined as a text: "." and ".." are what they are
  else rmSync(`${parent}/${hidden}`, { recursive: true, force: true });
}

function make(root: string, entry: TarEntry, content: Buffer): void {
  const path = join(root, entry.name);
  const whiteout = entry.name.split('/').findIndex((part) => part.startsWith('.wh.'));
  mkdirSync(dirname(path), { recursive: true });
  if (whiteout >= 0) {
    const parts = entry.name.split('/');
    hide(join(root, ...parts.slice(0, whiteout), 'x'), parts.slice(whiteout).join('/'));
    return;
  }
  if (entry.kind === 'directory') {
    if (!isDirectory(path)) mkdirSync(path);
  } else if (entry.kind === 'symlink') {
    rmSync(path, { recursive: true, force: true });
    symlinkSync(entry.target, path);
  } else if (entry.kind === 'link') {
    const target = entry.target.startsWith('/') ? entry.target : join(root, entry.target);
    linkSync(target, path);
    return;
  } else if (entry.kind === 'file') writeFileSync(path, content);
  else makeNode(path, entry);
  describe(path, entry);
}

/** Where it fails it stops, as they did. */
export function unpackNaively(archive: Buffer, root: string): void {
  let current: { entry: TarEntry; content: Buffer[] } | undefined;
  const reader = new TarReader({
    begin: (entry) => void (current = { entry, content: [] }),
    data: (piece) => void current?.content.push(Buffer.from(piece)),
    end: () => {
      if (current !== undefined) make(root, current.entry, Buffer.concat(current.content));
    },
  });
  reader.push(archive);
}
