import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { removeTree } from '../../../daemon/images/store/remove-tree.ts';
import { Trash } from '../../../daemon/images/store/trash.ts';

let root: string;
let tree: string;
let aside: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-tree-'));
  [tree, aside] = [join(root, 'tree'), join(root, 'aside')];
  mkdirSync(tree);
  mkdirSync(aside);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function assertGone(): void {
  assert.equal(existsSync(tree), false);
  assert.deepEqual(readdirSync(aside), []);
}

test('a tree of any names and modes goes, and no link is followed', async () => {
  const canary = join(root, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'file'), 'untouched');
  symlinkSync(canary, join(tree, 'link'));
  mkdirSync(join(tree, 'closed'));
  symlinkSync('../../canary', join(tree, 'closed', 'link'));
  chmodSync(join(tree, 'closed'), 0);
  const notUtf8 = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe, 0x80])]);
  mkdirSync(notUtf8);
  writeFileSync(Buffer.concat([notUtf8, Buffer.from('/'), Buffer.from([0xc3])]), '');
  for (let index = 0; index < 200; index++) writeFileSync(join(tree, `file${index}`), '');
  await removeTree(tree, aside);
  assertGone();
  assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'untouched');
});

test('a tree with longer paths than the kernel takes goes too', async () => {
  // made from within: each piece is put into the next, so that no path was ever too long
  const name = 'd'.repeat(250);
  let inner: string | undefined;
  for (let piece = 0; piece < 8; piece++) {
    const outer = join(root, `piece${piece}`);
    const deepest = join(outer, ...Array.from({ length: 6 }, () => name));
    mkdirSync(deepest, { recursive: true });
    writeFileSync(join(deepest, 'file'), '');
    if (inner !== undefined) renameSync(inner, join(deepest, 'inner'));
    inner = outer;
  }
  assert.ok(inner !== undefined);
  renameSync(inner, join(tree, 'deep'));
  await removeTree(tree, aside);
  assertGone();
});

test('files, links and what is not there are well', async () => {
  writeFileSync(join(root, 'file'), '');
  symlinkSync(root, join(root, 'link'));
  for (const name of ['file', 'link', 'absent']) {
    await removeTree(join(root, name), aside);
    assert.equal(existsSync(join(root, name)), false);
  }
  assert.ok(existsSync(tree));
});

test('two may clear up the same', async () => {
  for (let index = 0; index < 50; index++) mkdirSync(join(tree, `a${index}`, 'b', 'c'), { recursive: true });
  await Promise.all([removeTree(tree, aside), removeTree(tree, aside)]);
  assertGone();
});

test('what is taken into the trash has left its name at once; what an earlier daemon left is emptied', async () => {
  const trash = new Trash(aside);
  writeFileSync(join(tree, 'file'), '');
  const deleted = await trash.take(tree);
  assert.equal(existsSync(tree), false);
  assert.equal(readdirSync(aside).length, 1);
  assert.deepEqual(await trash.leftOvers(), []);
  await trash.empty();
  assert.equal(readdirSync(aside).length, 1);
  assert.equal((await new Trash(aside).leftOvers()).length, 1);
  await deleted();
  assert.deepEqual(readdirSync(aside), []);
  await trash.discard(tree);
  mkdirSync(join(aside, 'old', 'a'), { recursive: true });
  await trash.empty();
  assert.deepEqual(readdirSync(aside), []);
});
