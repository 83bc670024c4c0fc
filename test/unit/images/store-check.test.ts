import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { digestOf } from '../../../daemon/images/digest.ts';
import { type FindingKind, FINDING_KINDS } from '../../../daemon/images/store/findings.ts';
import {
  blobOf,
  fillWith,
  type Image,
  imageRow,
  putImage,
  randomBlob,
  sourceOf,
  StoreFixture,
} from './store-fixture.ts';

let fixture: StoreFixture;
let image: Image;
beforeEach(async () => {
  fixture = new StoreFixture();
  const lease = fixture.store.lease('pull demo');
  image = await putImage(fixture, lease, ['base', 'top']);
  fixture.registry.images.tag(imageRow('demo', image.manifest));
  lease.release();
});
afterEach(async () => {
  await fixture.remove();
  assert.deepEqual(fixture.troubles, []);
});

const seen = new Set<FindingKind>();

/** Kinds and subjects of what is found, twice the same; then with repair; then what is left after it. */
async function findings(left: readonly (readonly [FindingKind, string])[] = []): Promise<[FindingKind, string][]> {
  const { store } = fixture;
  const found = await store.check();
  assert.ok(found.every(({ isRepaired }) => !isRepaired));
  assert.deepEqual(await store.check(), found);
  const repaired = await store.check({ repair: true });
  const pairs = (list: typeof found): [FindingKind, string][] => list.map(({ kind, subject }) => [kind, subject]);
  assert.deepEqual(pairs(repaired).slice(0, found.length), pairs(found));
  assert.deepEqual(pairs(await store.check()), left);
  for (const { kind } of found) seen.add(kind);
  return pairs(found);
}

test('a sound store has nothing to be found, also while leases and parts are there', async () => {
  assert.deepEqual(await findings(), []);
  const lease = fixture.store.lease('pull other');
  const { digest } = blobOf('to come');
  lease.hold(digest);
  writeFileSync(fixture.places.part(digest), 'to');
  assert.deepEqual(await findings(), []);
  lease.keep();
  assert.deepEqual(await findings(), []);
});

test('a blob that is gone, cut or changed: named with its images, and fetched again by the next pull', async () => {
  const { places, store } = fixture;
  const blobs = image.layers.map(({ blob }) => blob);
  const [first, second] = blobs;
  assert.ok(first !== undefined && second !== undefined);
  rmSync(places.blob(first));
  truncateSync(places.blob(second), 3);
  writeFileSync(
    places.blob(image.config),
    Buffer.alloc(store.contents.list().find((b) => b.digest === image.config)!.size),
  );
  const found = await store.check();
  assert.ok(found.every(({ severity, images }) => severity === 'damage' && images.join() === 'demo'));
  const lost = [first, second, image.config].sort().map((digest) => ['blob_lost', digest] as const);
  const kinds = new Map(await findings(lost));
  assert.equal(kinds.get('blob_missing'), first);
  assert.equal(kinds.get('blob_wrong_size'), second);
  assert.equal(kinds.get('blob_damaged'), image.config);
  assert.equal(store.contents.has(first), false);
  seen.add('blob_lost');
  const lease = store.lease('pull demo');
  await putImage(fixture, lease, ['base', 'top']);
  lease.release();
  assert.deepEqual(await findings(), []);
});

test('a lost blob whose file is there again is taken up', async () => {
  const { places, registry, store } = fixture;
  registry.imageContent.forgetBlob(image.config);
  assert.deepEqual(await store.check().then((all) => all.map(({ kind }) => kind)), ['blob_unrecorded', 'blob_lost']);
  await store.check({ repair: true });
  assert.deepEqual(await store.check(), []);
  assert.ok(store.contents.has(image.config));
  assert.ok(readdirSync(join(places.blobs, 'sha256')).length > 0);
});

test('a blob of no image is forgotten when it is gone', async () => {
  const { store, places } = fixture;
  const lease = store.lease('test');
  const blob = randomBlob(10);
  await store.contents.ingest(lease, blob, sourceOf(blob.content));
  rmSync(places.blob(blob.digest));
  assert.deepEqual(await findings(), [['blob_missing', blob.digest]]);
  lease.release();
});

test('files, directories and parts of nobody', async () => {
  const { places } = fixture;
  const [blob, layer, part] = ['blob', 'layer', 'part'].map((text) => digestOf(text));
  assert.ok(blob !== undefined && layer !== undefined && part !== undefined);
  writeFileSync(places.blob(blob), 'blob', { mode: 0o600 });
  mkdirSync(places.layerRoot(layer), { recursive: true });
  writeFileSync(places.part(part), '');
  const name = `new-${'0'.repeat(32)}.part`;
  writeFileSync(join(places.ingest, name), '');
  mkdirSync(join(places.unpack, 'a', 'fs'), { recursive: true });
  mkdirSync(join(places.trash, 'b', 'fs'), { recursive: true });
  const found = await findings();
  assert.deepEqual(
    new Set(found.map((pair) => pair.join(' '))),
    new Set([
      `blob_unrecorded ${blob}`,
      `part_abandoned images/ingest/${part.slice(7)}.part`,
      `temporary images/ingest/${name}`,
      `layer_unrecorded ${layer}`,
      'temporary images/trash/b',
      'temporary images/unpack/a',
    ]),
  );
});

test('names that are not of the store are told, and left alone', async () => {
  const { places } = fixture;
  const foreign = [
    join(places.root, 'notes'),
    join(places.blobs, 'md5'),
    join(places.blobs, 'sha256', 'ABC'),
    join(places.layers, 'lost+found'),
    join(places.ingest, 'x.part.bak'),
  ];
  for (const path of foreign) writeFileSync(path, '');
  const all = foreign.map((path) => ['foreign', path.slice(fixture.root.length + 1)] as const);
  const order = [all[4]!, all[0]!, all[1]!, all[2]!, all[3]!];
  assert.deepEqual(await findings(order), order);
  await fixture.store.collect();
  assert.ok(readdirSync(places.root).includes('notes'));
});

test('a layer that is gone is unpacked again at next need', async () => {
  const { places, store } = fixture;
  const id = image.layers[1]!.layer;
  rmSync(places.layerRoot(id), { recursive: true });
  assert.deepEqual(await findings(), [['layer_missing', id]]);
  assert.throws(() => store.layers.layerDirectory(id), /not unpacked/);
  const lease = store.lease('start');
  await store.layers.make(lease, { diffId: id, chainId: digestOf('chain') }, fillWith('top'));
  lease.release();
  assert.deepEqual(await findings(), []);
});

test('what others could read is closed', async () => {
  const { places } = fixture;
  chmodSync(places.layers, 0o755);
  chmodSync(places.blob(image.manifest), 0o644);
  assert.deepEqual(await findings(), [
    ['open_mode', 'images/layers'],
    ['open_mode', image.manifest],
  ]);
});

test('rows that name other content than the manifest does', async () => {
  const { registry } = fixture;
  const lease = fixture.store.lease('pull');
  const { digest } = await fixture.store.contents.put(lease, Buffer.from('{"schemaVersion":2}'));
  registry.images.insert({ ...image.row, digest });
  registry.images.tag(imageRow('odd', digest));
  lease.release();
  const expected = [['manifest_disagrees', digest]] as const;
  assert.deepEqual(await findings(expected), expected);
});

test('every kind of finding was made here', () => {
  assert.deepEqual([...seen].sort(), [...FINDING_KINDS].sort());
});
