import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { digestOf } from '../../../daemon/images/digest.ts';
import { ImageError, type ImageErrorCode } from '../../../daemon/images/errors.ts';
import type { Source } from '../../../daemon/images/store/fill-part.ts';
import type { Lease } from '../../../daemon/images/store/lease.ts';
import { blobOf, piecesOf, randomBlob, sourceOf, StoreFixture } from './store-fixture.ts';

let fixture: StoreFixture;
let lease: Lease;
beforeEach(() => {
  fixture = new StoreFixture();
  lease = fixture.store.lease('test');
});
afterEach(async () => {
  lease.release();
  await fixture.remove();
  assert.deepEqual(fixture.troubles, []);
});

function refusal(code: ImageErrorCode, words: RegExp) {
  return (error: unknown) => error instanceof ImageError && error.code === code && words.test(error.message);
}

/** Gives this much of the content and then fails as a network does. */
function broken(content: Buffer, until: number): Source {
  return (from) => ({
    from,
    stream: (async function* () {
      yield* piecesOf(content.subarray(from, until));
      throw new Error('connection reset');
    })(),
  });
}

/** Nothing but the directories themselves. */
function assertNothingKept(): void {
  assert.deepEqual(readdirSync(fixture.places.ingest), []);
  assert.deepEqual(readdirSync(join(fixture.places.blobs, 'sha256')), []);
  assert.deepEqual(readdirSync(fixture.places.trash), []);
  assert.deepEqual(fixture.store.contents.list(), []);
}

test('what was ingested is there, by its digest, for root alone', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(1_000_001);
  const source = sourceOf(blob.content);
  assert.equal(contents.has(blob.digest), false);
  assert.deepEqual(await contents.ingest(lease, blob, source), {
    digest: blob.digest,
    size: blob.size,
    fetched: blob.size,
  });
  assert.ok(contents.has(blob.digest));
  assert.deepEqual(contents.list(), [{ digest: blob.digest, size: blob.size, state: 'ready' }]);
  assert.deepEqual(readFileSync(contents.path(blob.digest)), blob.content);
  assert.deepEqual(await buffer(await contents.open(blob.digest)), blob.content);
  assert.deepEqual(await buffer(await contents.open(blob.digest, 1000)), blob.content.subarray(1000));
  assert.deepEqual(await contents.read(blob.digest, blob.size), blob.content);
  await assert.rejects(contents.read(blob.digest, blob.size - 1), refusal('too_large', /1000001 bytes/));
  assert.equal(statSync(contents.path(blob.digest)).mode & 0o777, 0o600);
  for (const directory of fixture.places.directories) assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(fixture.places.ingest), []);
  const again = await contents.ingest(lease, blob, source);
  assert.equal(again.fetched, 0);
  assert.deepEqual(source.asked, [0]);
});

test('nothing at all, and sha512, are content too', async () => {
  const { contents } = fixture.store;
  const empty = blobOf('');
  await contents.ingest(lease, empty, sourceOf(empty.content));
  assert.equal((await contents.read(empty.digest, 0)).length, 0);
  const text = Buffer.from('hello');
  const long = { digest: digestOf(text, 'sha512'), size: 5 };
  await contents.ingest(lease, long, sourceOf(text));
  assert.deepEqual(await contents.read(long.digest, 5), text);
});

test('what is not there has no path, no bytes, and cannot be removed', async () => {
  const { contents } = fixture.store;
  const { digest } = blobOf('absent');
  const absent = refusal('blob_not_found', new RegExp(digest));
  assert.throws(() => contents.path(digest), absent);
  await assert.rejects(contents.open(digest), absent);
  await assert.rejects(contents.read(digest, 10), absent);
  assert.equal(await contents.remove(digest), false);
});

test('a source that lies about digest or size is refused, and nothing is kept', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(500_000);
  const other = randomBlob(500_000);
  await assert.rejects(contents.ingest(lease, blob, sourceOf(other.content)), refusal('digest_mismatch', /sha256:/));
  assertNothingKept();
  const longer = Buffer.concat([blob.content, Buffer.from('x')]);
  await assert.rejects(contents.ingest(lease, blob, sourceOf(longer)), refusal('size_mismatch', /more of it/));
  assertNothingKept();
  const shorter = blob.content.subarray(0, 400_000);
  await assert.rejects(
    contents.ingest(lease, blob, sourceOf(shorter), { what: 'layer 1 of demo' }),
    refusal('size_mismatch', /^layer 1 of demo: it ended after 400000 of the 500000 bytes/),
  );
  assertNothingKept();
  await assert.rejects(
    contents.ingest(lease, { digest: blob.digest, size: -1 }, sourceOf(blob.content)),
    refusal('size_mismatch', /no size/),
  );
});

test('a source without end is left at the first byte too many', async () => {
  const blob = randomBlob(1000);
  let given = 0;
  let isClosed = false;
  const endless: Source = () => ({
    from: 0,
    // eslint-disable-next-line @typescript-eslint/require-await
    stream: (async function* () {
      try {
        for (;;) {
          given += 600;
          yield Buffer.alloc(600);
        }
      } finally {
        isClosed = true;
      }
    })(),
  });
  await assert.rejects(fixture.store.contents.ingest(lease, blob, endless), refusal('size_mismatch', /more of it/));
  assert.equal(given, 1200);
  assert.ok(isClosed);
  assertNothingKept();
});

test('what a broken connection left is gone on with', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(1_000_000);
  await assert.rejects(contents.ingest(lease, blob, broken(blob.content, 600_000)), /connection reset/);
  assert.equal(statSync(fixture.places.part(blob.digest)).size, 600_000);
  assert.equal(statSync(fixture.places.part(blob.digest)).mode & 0o777, 0o600);
  assert.equal(contents.has(blob.digest), false);
  const seen: number[] = [];
  const source = sourceOf(blob.content);
  const { fetched } = await contents.ingest(lease, blob, source, { onProgress: (size) => seen.push(size) });
  assert.equal(fetched, 400_000);
  assert.deepEqual(source.asked, [600_000]);
  assert.equal(seen[0], 600_000);
  assert.equal(seen.at(-1), 1_000_000);
  assert.deepEqual(await contents.read(blob.digest, blob.size), blob.content);
});

test('where the part itself is wrong, all is fetched once more', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(300_000);
  const source = sourceOf(blob.content);
  writeFileSync(fixture.places.part(blob.digest), Buffer.alloc(100_000));
  assert.equal((await contents.ingest(lease, blob, source)).fetched, 500_000);
  assert.deepEqual(source.asked, [100_000, 0]);
  const second = randomBlob(1000);
  const whole = sourceOf(second.content);
  writeFileSync(fixture.places.part(second.digest), Buffer.alloc(1000));
  await contents.ingest(lease, second, whole);
  assert.deepEqual(whole.asked, [0]);
  const third = randomBlob(1000);
  const longer = sourceOf(third.content);
  writeFileSync(fixture.places.part(third.digest), Buffer.alloc(2000));
  await contents.ingest(lease, third, longer);
  assert.deepEqual(longer.asked, [0]);
  const complete = randomBlob(1000);
  writeFileSync(fixture.places.part(complete.digest), complete.content);
  const unasked = sourceOf(complete.content);
  assert.equal((await contents.ingest(lease, complete, unasked)).fetched, 0);
  assert.deepEqual(unasked.asked, []);
});

test('a source that cannot go on in the middle is taken from its beginning; one that goes on elsewhere is not', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(200_000);
  await assert.rejects(contents.ingest(lease, blob, broken(blob.content, 100_000)));
  const fromStart: Source = () => ({ from: 0, stream: piecesOf(blob.content) });
  assert.equal((await contents.ingest(lease, blob, fromStart)).fetched, 200_000);
  const other = randomBlob(200_000);
  const elsewhere: Source = () => ({ from: 50, stream: piecesOf(other.content.subarray(50)) });
  await assert.rejects(contents.ingest(lease, other, elsewhere), refusal('size_mismatch', /went on at 50/));
  assert.equal(existsSync(fixture.places.part(other.digest)), false);
});

test('a part is not a link to elsewhere', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(1000);
  const canary = join(fixture.root, 'canary');
  writeFileSync(canary, 'untouched');
  const { symlinkSync } = await import('node:fs');
  symlinkSync(canary, fixture.places.part(blob.digest));
  await assert.rejects(contents.ingest(lease, blob, sourceOf(blob.content)), /ELOOP/);
  assert.equal(readFileSync(canary, 'utf8'), 'untouched');
});

test('one writer a digest: those who come meanwhile wait, and find it there', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(100_000);
  const gate = Promise.withResolvers<undefined>();
  const slow: Source = () => ({
    from: 0,
    stream: (async function* () {
      yield blob.content.subarray(0, 10);
      await gate.promise;
      yield blob.content.subarray(10);
    })(),
  });
  const first = contents.ingest(lease, blob, slow);
  const unasked = sourceOf(blob.content);
  const others = [1, 2, 3].map(() => contents.ingest(lease, blob, unasked));
  const impatient = new AbortController();
  const left = contents.ingest(lease, blob, unasked, { signal: impatient.signal });
  impatient.abort(new Error('enough'));
  await assert.rejects(left, /enough/);
  // another digest does not wait
  const free = randomBlob(10);
  await contents.ingest(lease, free, sourceOf(free.content));
  gate.resolve(undefined);
  assert.equal((await first).fetched, 100_000);
  for (const { fetched } of await Promise.all(others)) assert.equal(fetched, 0);
  assert.deepEqual(unasked.asked, []);
});

test('where the first writer fails the next goes on from its part', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(100_000);
  const source = sourceOf(blob.content);
  const first = contents.ingest(lease, blob, broken(blob.content, 70_000));
  const second = contents.ingest(lease, blob, source);
  await assert.rejects(first, /connection reset/);
  assert.equal((await second).fetched, 30_000);
  assert.deepEqual(source.asked, [70_000]);
});

test('a pull that is given up leaves its part', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(600_000);
  const abort = new AbortController();
  const onProgress = (size: number): void => {
    if (size >= 300_000) abort.abort(new Error('given up'));
  };
  const { signal } = abort;
  await assert.rejects(contents.ingest(lease, blob, sourceOf(blob.content), { signal, onProgress }), /given up/);
  assert.ok(statSync(fixture.places.part(blob.digest)).size >= 300_000);
  await assert.rejects(contents.ingest(lease, blob, sourceOf(blob.content), { signal }), /given up/);
  assert.equal((await contents.ingest(lease, blob, sourceOf(blob.content))).digest, blob.digest);
});

test('more than the disk has is refused before a byte is asked for', async () => {
  const blob = { digest: blobOf('huge').digest, size: 2 ** 50 };
  const source = sourceOf(Buffer.alloc(0));
  await assert.rejects(fixture.store.contents.ingest(lease, blob, source), refusal('disk_full', /are needed/));
  assert.deepEqual(source.asked, []);
  assertNothingKept();
});

test('content without a digest gets one; what is too large, or breaks off, is not kept', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(700_000);
  const taken = await contents.ingestNew(lease, piecesOf(blob.content));
  assert.deepEqual(taken, { digest: blob.digest, size: blob.size, fetched: blob.size });
  assert.deepEqual(await contents.ingestNew(lease, piecesOf(blob.content)), taken);
  assert.deepEqual(await contents.read(blob.digest, blob.size), blob.content);
  await assert.rejects(
    contents.ingestNew(lease, piecesOf(blob.content), { maximum: 699_999, what: 'layer.tar' }),
    refusal('too_large', /^layer.tar: it has more than the 699999 bytes/),
  );
  const breaking = (async function* () {
    yield* piecesOf(blob.content);
    throw new Error('broke off');
  })();
  await assert.rejects(contents.ingestNew(lease, breaking), /broke off/);
  assert.deepEqual(readdirSync(fixture.places.ingest), []);
  const long = await contents.ingestNew(lease, piecesOf(blob.content), { algorithm: 'sha512' });
  assert.equal(long.digest, digestOf(blob.content, 'sha512'));
  assert.equal((await contents.put(lease, Buffer.from('{}'))).digest, digestOf('{}'));
});

test('what a crash left in its place without a row is hashed, and taken or replaced', async () => {
  const { contents } = fixture.store;
  const sound = randomBlob(1000);
  writeFileSync(fixture.places.blob(sound.digest), sound.content);
  const unasked = sourceOf(sound.content);
  assert.equal((await contents.ingest(lease, sound, unasked)).fetched, 0);
  assert.deepEqual(unasked.asked, []);
  const damaged = randomBlob(1000);
  writeFileSync(fixture.places.blob(damaged.digest), Buffer.alloc(1000));
  assert.equal((await contents.ingest(lease, damaged, sourceOf(damaged.content))).fetched, 1000);
  assert.deepEqual(await contents.read(damaged.digest, 1000), damaged.content);
  const wrong = { digest: sound.digest, size: 999 };
  await assert.rejects(contents.ingest(lease, wrong, unasked), refusal('size_mismatch', /has 1000 bytes.* 999/));
});

test('a blob that was changed on the disk is not given out as what it was', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(1000);
  await contents.ingest(lease, blob, sourceOf(blob.content));
  writeFileSync(contents.path(blob.digest), Buffer.alloc(1000));
  await assert.rejects(contents.read(blob.digest, 1000), refusal('store_damaged', /not what was put there/));
  writeFileSync(contents.path(blob.digest), Buffer.alloc(2000));
  await assert.rejects(contents.open(blob.digest), refusal('store_damaged', /1000 bytes/));
});

test('a removed blob stays readable for who has it open, and a leased one is not removed', async () => {
  const { contents } = fixture.store;
  const blob = randomBlob(300_000);
  await contents.ingest(lease, blob, sourceOf(blob.content));
  assert.equal(await contents.remove(blob.digest), false);
  lease.release();
  const open = await contents.open(blob.digest);
  assert.equal(await contents.remove(blob.digest), true);
  assert.equal(contents.has(blob.digest), false);
  assert.deepEqual(await buffer(open), blob.content);
  assertNothingKept();
  assert.throws(() => lease.hold(blob.digest), /is over/);
});

test('any pieces, broken off anywhere any number of times, come to the same', async () => {
  const { contents } = fixture.store;
  const breaks = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 4 });
  const property = fc.asyncProperty(
    fc.uint8Array({ maxLength: 20_000 }),
    breaks,
    fc.integer({ min: 1, max: 7000 }),
    async (bytes, ends, size) => {
      const blob = blobOf(Buffer.from(bytes));
      for (const end of ends) {
        await contents
          .ingest(lease, blob, (from) => ({
            from,
            stream: (async function* () {
              yield* piecesOf(blob.content.subarray(from, Math.max(from, end)), size);
              throw new Error('connection reset');
            })(),
          }))
          .catch((error: unknown) => {
            if (!(error instanceof Error && error.message === 'connection reset')) throw error;
          });
      }
      await contents.ingest(lease, blob, (from) => ({ from, stream: piecesOf(blob.content.subarray(from), size) }));
      assert.deepEqual(await contents.read(blob.digest, blob.size), blob.content);
    },
  );
  await fc.assert(property, { numRuns: 40 });
  assert.deepEqual(readdirSync(fixture.places.ingest), []);
});
