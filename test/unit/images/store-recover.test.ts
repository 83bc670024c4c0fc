import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { digestOf } from '../../../daemon/images/digest.ts';
import { blobOf, fillWith, imageRow, putImage, randomBlob, sourceOf, StoreFixture } from './store-fixture.ts';

let fixture: StoreFixture;
beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(async () => {
  await fixture.remove();
  assert.deepEqual(fixture.troubles, []);
});

test('after a crash of the machine what was not synced is hashed or unpacked again, and what was is believed', async () => {
  const lease = fixture.store.lease('pull demo');
  const image = await putImage(fixture, lease, ['base']);
  fixture.registry.images.tag(imageRow('demo', image.manifest));
  await fixture.store.settle();
  assert.deepEqual(fixture.registry.imageContent.unsyncedBlobs(), []);
  assert.deepEqual(fixture.registry.imageContent.unsyncedLayers(), []);
  const [kept, torn] = [randomBlob(1000), randomBlob(1000)];
  for (const blob of [kept, torn]) await fixture.store.contents.ingest(lease, blob, sourceOf(blob.content));
  const diffId = digestOf('unsynced');
  await fixture.store.layers.make(lease, { diffId, chainId: diffId }, fillWith('text'));
  const { places } = fixture;
  // what a crash does: the name is there, the bytes are not
  writeFileSync(places.blob(torn.digest), Buffer.alloc(1000));
  await fixture.restart('boot-2');
  await fixture.store.recover();
  const { contents, layers } = fixture.store;
  assert.ok(contents.has(kept.digest));
  assert.equal(contents.has(torn.digest), false);
  assert.equal(existsSync(places.blob(torn.digest)), false);
  assert.equal(existsSync(places.layer(diffId)), false);
  assert.equal(layers.find({ diffId, chainId: diffId }), undefined);
  assert.equal(layers.list().length, 1);
  await fixture.store.close();
  assert.deepEqual(fixture.registry.imageContent.unsyncedBlobs(), []);
  assert.deepEqual(await fixture.store.check(), []);
});

test('a restart of the daemon alone has lost nothing', async () => {
  const lease = fixture.store.lease('pull demo');
  const diffId = digestOf('unsynced');
  await fixture.store.layers.make(lease, { diffId, chainId: diffId }, fillWith('text'));
  await fixture.restart();
  await fixture.store.recover();
  assert.equal(fixture.store.layers.list().length, 1);
});

test('what a killed pull fetched waits for the next one, and goes when it is dropped', async () => {
  const lease = fixture.store.lease('pull demo');
  const [blob, part] = [randomBlob(1000), randomBlob(1000)];
  await fixture.store.contents.ingest(lease, blob, sourceOf(blob.content));
  lease.hold(part.digest);
  writeFileSync(fixture.places.part(part.digest), part.content.subarray(0, 600));
  await fixture.restart();
  await fixture.store.recover();
  await fixture.store.collect({ dangling: true });
  const next = fixture.store.lease('pull demo');
  // what was kept is the next one's from its first moment
  await fixture.store.collect({ dropKept: true });
  const source = sourceOf(part.content);
  assert.equal((await fixture.store.contents.ingest(next, part, source)).fetched, 400);
  assert.equal((await fixture.store.contents.ingest(next, blob, source)).fetched, 0);
  next.release();
  await fixture.store.collect();
  assert.deepEqual(fixture.store.contents.list(), []);
  const failed = fixture.store.lease('pull demo');
  failed.hold(part.digest);
  writeFileSync(fixture.places.part(part.digest), part.content.subarray(0, 600));
  failed.keep();
  await fixture.store.collect();
  assert.equal(readdirSync(fixture.places.ingest).length, 1);
  await fixture.store.collect({ dropKept: true });
  assert.equal(readdirSync(fixture.places.ingest).length, 0);
});

test('what a kill left is cleared away, beside the first pull', async () => {
  const { places } = fixture;
  writeFileSync(places.blob(digestOf('nobody')), 'nobody');
  writeFileSync(join(places.ingest, `new-${'0'.repeat(32)}.part`), '');
  mkdirSync(join(places.unpack, 'x', 'fs'), { recursive: true });
  mkdirSync(join(places.trash, 'y', 'fs'), { recursive: true });
  mkdirSync(places.layerRoot(digestOf('nobody')), { recursive: true });
  const wanted = blobOf('wanted');
  writeFileSync(places.blob(wanted.digest), wanted.content, { mode: 0o600 });
  await fixture.restart();
  await fixture.store.recover();
  const lease = fixture.store.lease('pull');
  await fixture.store.contents.ingest(lease, wanted, sourceOf(wanted.content));
  await fixture.store.close();
  assert.deepEqual(await fixture.store.check(), []);
  assert.deepEqual(
    fixture.store.contents.list().map(({ digest }) => digest),
    [wanted.digest],
  );
  lease.release();
});
