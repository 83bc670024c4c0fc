/** Layers that are unpacked while their archive is read: the right ones are taken, and all else goes away. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { UnpackAhead } from '../../../daemon/images/archive/unpack-ahead.ts';
import { takeArchive } from '../../../daemon/images/archive/read-archive.ts';
import { digestOf } from '../../../daemon/images/digest.ts';
import { tar, type Member } from '../../harness/tar.ts';
import { StoreFixture, piecesOf } from './store-fixture.ts';

const HUGE = 3_000_000;
let store: StoreFixture;
let ahead: UnpackAhead;
before(() => {
  store = new StoreFixture();
  ahead = new UnpackAhead(store.store.layers, () => ({}));
});
after(() => store.remove());

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
});
