/** Something of the host's that no archive may touch, wherever it is unpacked: a tree that is compared before and after. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setXattr } from '../../../native-bindings/xattr.ts';
import { treeOf, type Tree } from '../tree.ts';

export class CanaryTree {
  /** Absolute. */
  readonly path: string;
  private readonly before: Tree;

  /** `path` is made. */
  constructor(path: string) {
    this.path = path;
    for (const name of ['', 'directory', 'directory/empty']) mkdirSync(join(path, name));
    for (const name of ['file', 'directory/file', 'victim', 'hidden']) writeFileSync(join(path, name), `the ${name}\n`);
    chmodSync(join(path, 'victim'), 0o4711);
    linkSync(join(path, 'file'), join(path, 'second-name'));
    symlinkSync('directory', join(path, 'link'));
    const fd = openSync(join(path, 'file'), 'r');
    setXattr(fd, 'user.canary', Buffer.from('sings'));
    closeSync(fd);
    for (const name of ['file', 'victim', 'directory/file', 'directory', '']) utimesSync(join(path, name), 1000, 1000);
    this.before = treeOf(path);
  }

  /** Names of what is not as it was; a name of a file of its somewhere else is a change too. */
  changes(): string[] {
    const now = treeOf(this.path);
    const names = new Set([...Object.keys(this.before), ...Object.keys(now)]);
    const changed = [...names].filter((name) => now[name] !== this.before[name]);
    const links = ['victim', 'hidden', 'directory/file'].filter((name) => {
      const status = lstatSync(join(this.path, name), { throwIfNoEntry: false });
      return status !== undefined && status.nlink !== 1;
    });
    return [...changed, ...links.map((name) => `another name of ${name}`)];
  }

  assertUntouched(what: string): void {
    assert.deepEqual(this.changes(), [], what);
  }
}
