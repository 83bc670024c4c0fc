/** Runs on a file system of 8 MiB that has nothing on it (store-crash.test.ts); says "sound", or what is wrong. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../../daemon/images/errors.ts';
import { digestOf } from '../../daemon/images/digest.ts';
import type { Content } from '../../daemon/images/store/fill-part.ts';
import { imageRow, piecesOf, putImage, randomBlob, sourceOf, StoreFixture } from '../unit/images/store-fixture.ts';

const MIB = 1024 * 1024;
const root = process.argv[2];
if (root === undefined) throw new Error('the directory of a store is expected');
const fixture = new StoreFixture(root);
const { store, registry, places } = fixture;
const filler = join(root, 'filler');

function isFull(error: unknown): boolean {
  return error instanceof ImageError && error.code === 'disk_full' && error.message.startsWith('the thing: ');
}

function free(): number {
  const { bavail, bsize } = statfsSync(root ?? '');
  return bavail * bsize;
}

const first = store.lease('pull first');
const image = await putImage(fixture, first, ['base', 'top']);
registry.images.tag(imageRow('first', image.manifest));
first.release();

const lease = store.lease('pull second');
const before = free();
const blob = randomBlob(2 * MIB);
// there is room when it begins; somebody else takes it on the way
const crowded = (from: number): Content => ({
  from,
  stream: (async function* () {
    yield* piecesOf(blob.content.subarray(0, MIB));
    writeFileSync(filler, Buffer.alloc(free() - 64 * 1024));
    yield* piecesOf(blob.content.subarray(MIB));
  })(),
});
await assert.rejects(store.contents.ingest(lease, blob, crowded, { what: 'the thing' }), isFull);
assert.deepEqual(readdirSync(places.ingest), []);
rmSync(filler);
assert.ok(free() > before - 256 * 1024, `${free()} of ${before} bytes are free`);

const large = randomBlob(16 * MIB);
await assert.rejects(store.contents.ingest(lease, large, sourceOf(large.content), { what: 'the thing' }), isFull);
await assert.rejects(store.contents.ingestNew(lease, piecesOf(large.content), { what: 'the thing' }), isFull);
const diffId = digestOf('layer');
const fill = async (directory: string) => {
  await mkdir(directory);
  await writeFile(join(directory, 'file'), large.content);
  return { size: 0, dependsOnLower: false, hidesLower: false };
};
await assert.rejects(
  store.layers.make(lease, { diffId, chainId: diffId }, fill),
  (error: unknown) => error instanceof ImageError && error.code === 'disk_full' && error.message.includes(diffId),
);
assert.deepEqual(await store.check(), []);
assert.ok(free() > before - 256 * 1024, `${free()} of ${before} bytes are free`);

// no room for anything: what is there can be read and given up nevertheless
writeFileSync(filler, Buffer.alloc(Math.max(0, free() - 96 * 1024)));
assert.ok((await store.contents.read(image.manifest, MIB)).length > 0);
lease.release();
registry.images.untag('first');
await store.collect({ dangling: true });
rmSync(filler);
assert.deepEqual(store.contents.list(), []);
assert.deepEqual(await store.check(), []);
await store.close();
assert.deepEqual(fixture.troubles, []);
registry.close();
process.stdout.write('sound\n');
