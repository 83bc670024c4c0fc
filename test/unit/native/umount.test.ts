import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { mountsBelow } from '../../../oci/container/host-mounts.ts';
import { detachMount } from '../../../native-bindings/umount.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-umount-'));
});
after(() => {
  for (const { id, point } of mountsBelow(folder).reverse()) detachMount(point, id);
  rmSync(folder, { recursive: true });
});

function mounted(...names: readonly string[]): { readonly id: number; readonly point: string } {
  const point = join(folder, ...names);
  mkdirSync(point, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'none', point]);
  return mountsBelow(point).at(-1)!;
}

const pointsBelow = (name: string): string[] => mountsBelow(join(folder, name)).map(({ point }) => point);

test('a mount is taken away, once', () => {
  const { id, point } = mounted('plain');
  assert.equal(detachMount(point, id), true);
  assert.equal(detachMount(point, id), false);
  assert.equal(detachMount(join(folder, 'nowhere'), id), false);
  assert.deepEqual(pointsBelow('plain'), []);
});

test('what is mounted over it stays, and so does it', () => {
  const first = mounted('stack');
  const second = mounted('stack');
  assert.notEqual(first.id, second.id);
  assert.equal(detachMount(first.point, first.id), false);
  assert.equal(pointsBelow('stack').length, 2);
  assert.equal(detachMount(second.point, second.id), true);
  assert.equal(detachMount(first.point, first.id), true);
});

test('a directory on the way that was exchanged for a link leads to no other mount', () => {
  const other = mounted('other', 'place');
  const { id, point } = mounted('ours', 'place');
  renameSync(join(folder, 'ours'), join(folder, 'moved'));
  symlinkSync('other', join(folder, 'ours'));
  assert.equal(detachMount(point, id), false);
  assert.deepEqual(pointsBelow('other'), [other.point]);
  // nor a link that is the place itself
  symlinkSync('other/place', join(folder, 'link'));
  assert.equal(detachMount(join(folder, 'link'), other.id), false);
  assert.deepEqual(pointsBelow('other'), [other.point]);
});
