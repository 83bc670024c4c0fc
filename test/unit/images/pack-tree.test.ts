/** A tree into an archive: what GNU tar and our reader read is the tree. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EVERY_HOLE, LARGE_HOLES } from '../../../daemon/images/pack/entry-packer.ts';
import { FileError } from '../../../daemon/images/pack/file-error.ts';
import { SAME_IDS, toContainer, toHost } from '../../../daemon/images/pack/id-maps.ts';
import { packTree, type TreeOptions } from '../../../daemon/images/pack/pack-tree.ts';
import { PIECE } from '../../../daemon/images/pack/piece-writer.ts';
import { O_PATH } from '../../../native-bindings/directory-entries.ts';
import { entriesOf } from '../../harness/copy.ts';
import { treeOf } from '../../harness/tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'tare-pack-'));
after(() => rmSync(folder, { recursive: true }));

const PLAIN: TreeOptions = { ids: SAME_IDS, sparseFrom: EVERY_HOLE };

function packed(path: string, name: string, options: Partial<TreeOptions> = {}): Buffer {
  const fd = openSync(path, O_PATH);
  try {
    const pieces = [...packTree(fd, name, { ...PLAIN, ...options })];
    for (const piece of pieces.slice(0, -1)) assert.equal(piece.length, PIECE);
    return Buffer.concat(pieces);
  } finally {
    closeSync(fd);
  }
}

function made(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

test('GNU tar unpacks the same tree', () => {
  const top = made('odd');
  mkdirSync(join(top, 'deep/er'), { recursive: true });
  for (const [name, size] of [
    ['small', 10],
    ['empty', 0],
    ['edge', 65_536],
    ['large', 3 * PIECE + 77],
  ] as const) {
    writeFileSync(join(top, 'deep', name), Buffer.alloc(size, name), { mode: 0o640 });
  }
  linkSync(join(top, 'deep/small'), join(top, 'deep/er/again'));
  writeFileSync(Buffer.from(`${top}/\xff\xfe\n`, 'latin1'), 'not UTF-8');
  writeFileSync(join(top, 'n'.repeat(200)), 'long');
  symlinkSync('t'.repeat(300), join(top, 'long link'));
  lutimesSync(join(top, 'long link'), 1, -1.5);
  execFileSync('mkfifo', [join(top, 'pipe')]);
  execFileSync('mknod', [join(top, 'device'), 'b', '259', '70000']);
  const to = made('unpacked');
  execFileSync('tar', ['-x', '-p', '--same-owner', '-C', to], { input: packed(top, 'odd') });
  assert.deepEqual(treeOf(join(to, 'odd')), treeOf(top));
});

test('a sparse file takes the room of its data, where holes are worth it', () => {
  const top = made('sparse');
  writeFileSync(join(top, 'hole'), 'begin');
  truncateSync(join(top, 'hole'), 64 * 1024 * 1024);
  writeFileSync(join(top, 'hole'), 'end', { flag: 'a' });
  writeFileSync(join(top, 'little'), 'begin');
  truncateSync(join(top, 'little'), 1024 * 1024);
  const whole = packed(top, 'x');
  assert.ok(whole.length < 100_000);
  const to = made('sparse-to');
  execFileSync('tar', ['-x', '-p', '-C', to], { input: whole });
  assert.deepEqual(treeOf(join(to, 'x')), treeOf(top));
  const layer = entriesOf(packed(top, 'x', { sparseFrom: LARGE_HOLES }));
  assert.equal(layer.get('x/little')?.parts, undefined);
  assert.equal(layer.get('x/hole')?.size, 64 * 1024 * 1024 + 3);
});

test('sockets are left out, and refused where one is asked for', async () => {
  const top = made('socket');
  const server = createServer().listen(join(top, 'it'));
  await once(server, 'listening');
  assert.deepEqual([...entriesOf(packed(top, '.')).keys()], ['.']);
  assert.throws(
    () => packed(join(top, 'it'), 'it'),
    (error) => error instanceof FileError && error.code === 'unsupported',
  );
  server.close();
});

test('what is nested without an end is refused before it takes everything', () => {
  const top = made('nested');
  execFileSync('sh', ['-c', 'i=0; while [ $i -lt 1100 ]; do mkdir d && cd d; i=$((i+1)); done'], { cwd: top });
  assert.throws(() => packed(top, 'x'), /lies deeper than/);
});

test('owners are those that the container sees, and names may be refused', () => {
  const top = made('owned');
  writeFileSync(join(top, 'f'), '');
  execFileSync('chown', ['100005:999', join(top, 'f')]);
  const users = [{ container: 0, host: 100_000, size: 10 }];
  const { uid, gid } = entriesOf(packed(top, '/', { ids: { users, groups: users } })).get('/f')!;
  assert.deepEqual([uid, gid], [5, 65_534]);
  assert.deepEqual([toHost(users, 9), toHost(users, 10), toContainer([], 7)], [100_009, undefined, 7]);
  const check = (name: string): void => assert.notEqual(name, 'x/f');
  assert.throws(() => packed(top, 'x', { check }));
});
