import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { digestOf } from '../../../daemon/images/digest.ts';
import { ImageError } from '../../../daemon/images/errors.ts';
import type { Lease } from '../../../daemon/images/store/lease.ts';
import { fillWith, StoreFixture } from './store-fixture.ts';

let fixture: StoreFixture;
let lease: Lease;
beforeEach(() => {
  fixture = new StoreFixture();
  lease = fixture.store.lease('test');
});
afterEach(async () => {
  lease.release();
  await fixture.remove();
});

const [diffId, chainId, otherChain] = ['diff', 'chain', 'other chain'].map((text) => digestOf(text));
assert.ok(diffId !== undefined && chainId !== undefined && otherChain !== undefined);
const lowest = { diffId, chainId: diffId };

function never(): never {
  throw new Error('it is there: nobody has to unpack it');
}

test('a layer is where it should be when it is whole, and not before', async () => {
  const { layers } = fixture.store;
  const during: string[] = [];
  const row = await layers.make(lease, { diffId, chainId }, async (directory) => {
    during.push(...readdirSync(fixture.places.layers));
    return fillWith('opaque')(directory);
  });
  assert.deepEqual(during, []);
  assert.deepEqual(row, { id: diffId, diffId, dependsOnLower: false, hidesLower: true, size: 6, state: 'ready' });
  assert.equal(layers.layerDirectory(diffId), join(fixture.root, 'images/layers', diffId.slice(7), 'fs'));
  assert.equal(readFileSync(join(layers.layerDirectory(diffId), 'file'), 'utf8'), 'opaque');
  assert.equal(statSync(fixture.places.layer(diffId)).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(fixture.places.unpack), []);
  // the same archive in another place of another image
  assert.deepEqual(await layers.make(lease, { diffId, chainId: otherChain }, never), row);
  assert.deepEqual(layers.find(lowest), row);
  assert.deepEqual(layers.list(), [row]);
});

test('one that depends on those below is of its chain alone', async () => {
  const { layers } = fixture.store;
  const first = await layers.make(lease, { diffId, chainId }, fillWith('in chain', true));
  assert.equal(first.id, chainId);
  assert.deepEqual(await layers.make(lease, { diffId, chainId }, never), first);
  const second = await layers.make(lease, { diffId, chainId: otherChain }, fillWith('in the other', true));
  assert.equal(second.id, otherChain);
  const third = await layers.make(lease, lowest, fillWith('lowest', true));
  assert.equal(third.id, diffId);
  assert.deepEqual(layers.find(lowest), third);
  assert.deepEqual(layers.find({ diffId, chainId }), first);
  assert.equal(layers.find({ diffId, chainId: digestOf('third chain') }), undefined);
  assert.equal(readFileSync(join(layers.layerDirectory(chainId), 'file'), 'utf8'), 'in chain');
});

test('one unpacks, the others wait for it; in two chains the faster one counts', async () => {
  const { layers } = fixture.store;
  let unpacked = 0;
  const fill = (directory: string) => {
    unpacked += 1;
    return fillWith('text')(directory);
  };
  const same = [1, 2, 3].map(() => layers.make(lease, { diffId, chainId }, fill));
  await Promise.all(same);
  assert.equal(unpacked, 1);
  const other = { diffId: digestOf('two chains'), chainId };
  const both = [other, { ...other, chainId: otherChain }].map((key) => layers.make(lease, key, fill));
  const [one, two] = await Promise.all(both);
  assert.deepEqual(one, two);
  assert.equal(unpacked, 3);
  assert.deepEqual(readdirSync(fixture.places.unpack), []);
});

test('of a layer that could not be unpacked nothing is kept', async () => {
  const { layers } = fixture.store;
  const failing = async (directory: string): Promise<never> => {
    await fillWith('half')(directory);
    throw new ImageError('layer_invalid', 'half of it');
  };
  await assert.rejects(layers.make(lease, lowest, failing), /half of it/);
  assert.deepEqual(readdirSync(fixture.places.unpack), []);
  assert.deepEqual(readdirSync(fixture.places.layers), []);
  assert.deepEqual(readdirSync(fixture.places.trash), []);
  assert.throws(() => layers.layerDirectory(diffId), /is not unpacked/);
  const full = (): never => {
    throw Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' });
  };
  await assert.rejects(
    layers.make(lease, lowest, full),
    (error: unknown) => error instanceof ImageError && error.code === 'disk_full' && error.message.includes(diffId),
  );
  await layers.make(lease, lowest, fillWith('whole'));
});

test('a directory that a crash left without a row is not taken for the layer', async () => {
  const { layers } = fixture.store;
  mkdirSync(fixture.places.layerRoot(diffId), { recursive: true });
  writeFileSync(join(fixture.places.layerRoot(diffId), 'half'), '');
  assert.equal(layers.find(lowest), undefined);
  await layers.make(lease, lowest, fillWith('whole'));
  assert.deepEqual(readdirSync(layers.layerDirectory(diffId)), ['file']);
});

test('a layer may wait for those below it while it is being unpacked', async () => {
  const { layers } = fixture.store;
  // the same archive twice in one image, the upper one begun first
  const upper = { diffId, chainId };
  const begun = Promise.withResolvers<undefined>();
  const below = Promise.withResolvers<undefined>();
  const top = layers.make(lease, upper, async (directory) => {
    begun.resolve(undefined);
    await below.promise;
    return fillWith('upper', true)(directory);
  });
  await begun.promise;
  await layers.make(lease, lowest, fillWith('lower', true));
  below.resolve(undefined);
  assert.equal((await top).id, chainId);
});
