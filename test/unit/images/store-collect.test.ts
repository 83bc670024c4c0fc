import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { imageRow, putImage, randomBlob, sourceOf, StoreFixture } from './store-fixture.ts';

let fixture: StoreFixture;
beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(async () => {
  await fixture.remove();
  assert.deepEqual(fixture.troubles, []);
});

test('what loses its last name is told with its bytes; what others share stays', async () => {
  const { store, registry } = fixture;
  const lease = store.lease('pull');
  const one = await putImage(fixture, lease, ['shared', 'own of one']);
  const two = await putImage(fixture, lease, ['shared', 'own of two']);
  registry.images.tag(imageRow('one', one.manifest));
  registry.images.tag(imageRow('two', two.manifest));
  lease.release();
  assert.equal((await store.collect({ dangling: true })).size, 0);
  registry.images.untag('one');
  // without a name it is dangling, and stays until that is asked for
  assert.deepEqual(await store.collect(), { manifests: [], layers: [], blobs: [], size: 0 });
  const sizes = new Map(store.contents.list().map(({ digest, size }) => [digest, size]));
  const { manifests, layers, blobs, size } = await store.collect({ dangling: true });
  assert.deepEqual(manifests, [one.manifest]);
  assert.deepEqual(layers, [one.layers[1]!.layer]);
  assert.deepEqual([...blobs].sort(), [one.manifest, one.config, one.layers[1]!.blob].sort());
  assert.equal(
    size,
    blobs.reduce((sum, digest) => sum + sizes.get(digest)!, 'own of one'.length),
  );
  assert.deepEqual(await store.check(), []);
});

test('from the moment a row is gone whoever wants the content waits until its file is', async () => {
  const { contents, layers } = fixture.store;
  const lease = fixture.store.lease('pull');
  const image = await putImage(fixture, lease, ['base']);
  const blob = randomBlob(1000);
  await contents.ingest(lease, blob, sourceOf(blob.content));
  lease.release();
  const collecting = fixture.store.collect({ dangling: true });
  assert.equal(contents.has(blob.digest), false);
  assert.ok(contents.turns.isTaken(blob.digest));
  assert.ok(layers.turns.isTaken(image.layers[0]!.layer));
  const next = fixture.store.lease('pull');
  const again = await contents.ingest(next, blob, sourceOf(blob.content));
  assert.equal(again.fetched, 1000);
  await collecting;
  assert.ok(existsSync(contents.path(blob.digest)));
  next.release();
});

test('a file whose row is about to be written is not taken for what a crash left', async () => {
  const { places, registry, store } = fixture;
  const blob = randomBlob(1000);
  const gate = Promise.withResolvers<undefined>();
  const writing = store.contents.turns.run(blob.digest, async () => {
    writeFileSync(places.blob(blob.digest), blob.content, { mode: 0o600 });
    await gate.promise;
    registry.imageContent.recordBlob(blob.digest, blob.size, 'boot-1 0 0');
  });
  mkdirSync(join(places.unpack, 'left over'));
  const collecting = store.collect();
  // the sweep has begun, and comes to the blobs next
  await until('the sweep has begun', () => readdirSync(places.unpack).length === 0);
  for (let round = 0; round < 50; round++) await readdir(places.layers);
  gate.resolve(undefined);
  await Promise.all([writing, collecting]);
  assert.deepEqual(await store.contents.read(blob.digest, 1000), blob.content);
  assert.deepEqual(await store.check(), []);
});
