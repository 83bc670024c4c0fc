/** Trees of containers are removed and measured whatever is in them, with few descriptors. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { measureTree } from '../../../daemon/images/unpack/measure-tree.ts';
import { removeTree } from '../../../daemon/images/unpack/unpack-here.ts';
import { makeDirectoryAt, openAt } from '../../../native-bindings/directory-entries.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-trees-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Deeper than paths can say, with a file in each tenth level. */
function deep(directory: string, levels: number): void {
  mkdirSync(directory);
  let fd = openSync(directory, 'r');
  for (let level = 0; level < levels; level++) {
    if (level % 10 === 0) writeFileSync(`/proc/self/fd/${String(fd)}/file`, 'x');
    makeDirectoryAt(fd, 'directory', 0o700);
    const below = openAt(fd, 'directory', 0);
    closeSync(fd);
    fd = below;
  }
  closeSync(fd);
}

test('a tree that is deeper than paths are long goes, and needs few descriptors', () => {
  deep(join(root, 'tree'), 1000);
  const before = descriptors();
  removeTree(join(root, 'tree'));
  assert.equal(existsSync(join(root, 'tree')), false);
  assert.equal(descriptors(), before);
});

test('a tree is measured as deep as it is looked into, and nothing stays open', () => {
  deep(join(root, 'tree'), 1000);
  const before = descriptors();
  assert.ok(measureTree(join(root, 'tree')) > 0);
  assert.equal(descriptors(), before);
  removeTree(join(root, 'tree'));
});

test('what is measured is what is on the disk: files of several names once, nothing beyond a link', () => {
  const outside = join(root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'large'), Buffer.alloc(1_000_000, 1));
  const tree = join(root, 'tree');
  mkdirSync(join(tree, 'closed'), { recursive: true });
  writeFileSync(join(tree, 'file'), Buffer.alloc(300_000, 1));
  linkSync(join(tree, 'file'), join(tree, 'closed', 'again'));
  symlinkSync(outside, join(tree, 'link'));
  symlinkSync(join(outside, 'large'), join(tree, 'closed', 'link'));
  writeFileSync(join(tree, 'sparse'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), Buffer.alloc(50_000, 1));
  chmodSync(join(tree, 'closed'), 0);
  const bytes = (path: string): number => statSync(path).blocks * 512;
  const least = bytes(join(tree, 'file')) + 50_000;
  const size = measureTree(tree);
  assert.ok(size >= least && size < least + 100_000, `${String(size)} of ${String(least)} at least`);
  assert.equal(measureTree(join(tree, 'file')), bytes(join(tree, 'file')));
  assert.equal(measureTree(join(tree, 'nothing')), 0);
  removeTree(tree);
  assert.equal(existsSync(join(outside, 'large')), true);
});
