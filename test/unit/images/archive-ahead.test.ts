/** Layers that are unpacked while their archive or their blob comes: the right ones are taken, and all else goes away. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { UnpackAhead } from '../../../daemon/images/archive/unpack-ahead.ts';
import { takeArchive } from '../../../daemon/images/archive/read-archive.ts';
import { digestOf } from '../../../daemon/images/digest.ts';
import { GrowingFile, Unpacker } from '../../../daemon/images/unpack/unpacker.ts';
import { tar, type Member } from '../../harness/tar.ts';
import { StoreFixture, piecesOf } from './store-fixture.ts';

const HUGE = 3_000_000;
let store: StoreFixture;
let ahead: UnpackAhead;
const unpacker = new Unpacker();
before(() => {
  store = new StoreFixture();
  const { layers } = store.store;
  ahead = new UnpackAhead({ layers, unpacker, limitsOf: () => ({}), roomOf: () => 0, most: 1 });
});
after(async () => {
  await unpacker.close();
  await store.remove();
});

/** What does not get smaller with gzip. */
const noise = randomBytes(HUGE);
const layer = tar({ name: 'f', data: noise });

/** Members follow one another as fast as they are read, so one to wait for comes alone. */
async function taken(member: Member, piece?: number) {
  const session = ahead.open();
  assert.ok(session);
  assert.equal(ahead.open(), undefined);
  const lease = store.store.lease('a test');
  const { signal } = new AbortController();
  const parts = { contents: store.store.contents, lease, signal, ahead: session };
  const archive = await takeArchive(piecesOf(tar(member), piece), parts);
  const { digest } = archive.get(String(member.name));
  return {
    ...{ session, digest },
    close: async () => {
      await session.close();
      lease.release();
      await store.store.collect();
      assert.deepEqual(readdirSync(store.places.unpack), []);
      assert.deepEqual(store.store.contents.list(), []);
    },
  };
}

void describe('layers unpacked ahead', () => {
  for (const [what, data] of [
    ['plain', layer],
    ['gzip', gzipSync(layer, { level: 1 })],
  ] as const) {
    void test(`a ${what} one is there when the archive was read`, async () => {
      const { session, digest, close } = await taken({ name: 'layer', data });
      const found = await session.take(digest, digestOf(layer));
      assert.ok(found);
      assert.ok(readFileSync(join(found.directory, 'f')).equals(noise));
      assert.equal(await session.take(digest, digestOf(layer)), undefined);
      await close();
      assert.ok(!existsSync(found.directory));
    });
  }

  void test('what is no layer, or another than was expected, is not given', async () => {
    const other = await taken({ name: 'layer', data: layer });
    assert.equal(await other.session.take(other.digest, digestOf('another')), undefined);
    await other.close();
    const none = await taken({ name: 'layer', data: noise });
    assert.equal(await none.session.take(none.digest, none.digest), undefined);
    await none.close();
  });

  void test('an archive that ends in the middle leaves nothing', async () => {
    const session = ahead.open();
    assert.ok(session);
    const lease = store.store.lease('a test');
    const { signal } = new AbortController();
    const half = tar({ name: 'layer', data: layer }).subarray(0, HUGE / 2);
    const parts = { contents: store.store.contents, lease, signal, ahead: session };
    await assert.rejects(takeArchive(piecesOf(half), parts), /cut off/);
    await session.close();
    lease.release();
    await store.store.collect();
    assert.deepEqual(readdirSync(store.places.unpack), []);
    assert.deepEqual(readdirSync(store.places.ingest), []);
  });

  void test('what was wrong and is fetched anew is not taken for what came at last', async () => {
    const small = tar({ name: 'f', data: noise.subarray(0, 300_000) });
    const digest = digestOf(small);
    const promised = { digest, size: small.length };
    const { contents } = store.store;
    const session = ahead.open();
    assert.ok(session);
    const lease = store.store.lease('a test');
    const broken = contents.ingest(lease, promised, () => ({ from: 0, stream: thenFails(Buffer.alloc(10_000)) }));
    await assert.rejects(broken, /the network/);
    const following = session.follow(small.length, () => 'none');
    const asked: number[] = [];
    await contents.ingest(
      lease,
      promised,
      (from) => {
        asked.push(from);
        // at last in one piece, so that nobody is told of less than before
        return { from, stream: piecesOf(small.subarray(from), from === 0 ? small.length : 1000) };
      },
      { onWritten: following.written },
    );
    following.end(digest);
    assert.deepEqual(asked, [10_000, 0]);
    assert.equal(await session.take(digest, digest), undefined);
    await session.close();
    lease.release();
    await store.store.collect();
    assert.deepEqual(readdirSync(store.places.unpack), []);
  });

  void test('nothing is done where there is no room for it', async () => {
    const { layers, contents } = store.store;
    const roomOf = (): number => Number.MAX_SAFE_INTEGER;
    const session = new UnpackAhead({ layers, unpacker, limitsOf: () => ({}), roomOf, most: 1 }).open();
    assert.ok(session);
    const lease = store.store.lease('a test');
    const { signal } = new AbortController();
    const parts = { contents, lease, signal, ahead: session };
    const archive = await takeArchive(piecesOf(tar({ name: 'layer', data: layer })), parts);
    assert.equal(await session.take(archive.get('layer').digest, digestOf(layer)), undefined);
    await session.close();
    lease.release();
    await store.store.collect();
    assert.deepEqual(readdirSync(store.places.unpack), []);
  });

  void test('one that does not go on holds up none that is whole', async () => {
    const own = new Unpacker({ threads: 1 });
    const path = join(store.root, 'whole');
    writeFileSync(path, layer);
    const file = new GrowingFile(path);
    const ending = new AbortController();
    const directory = join(store.root, 'stalled');
    const stalled = own.unpackLayer({ source: file, compression: 'none', directory, signal: ending.signal });
    stalled.catch(() => undefined);
    await own.unpackLayer({ source: path, compression: 'none', directory: join(store.root, 'other') });
    ending.abort(new Error('enough'));
    await assert.rejects(stalled, /enough/);
    assert.ok(!existsSync(directory));
    file.close();
    await own.close();
  });
});

async function* thenFails(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
  throw new Error('the network is gone');
}
