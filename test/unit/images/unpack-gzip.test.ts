/** gzip as a thread decompresses it for itself: the same bytes as Node's own streams give. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ImageError } from '../../../daemon/images/errors.ts';
import { decompressed } from '../../../daemon/images/unpack/decompress.ts';
import { piecesOf } from './store-fixture.ts';

async function gunzipped(bytes: Buffer, piece = 1000): Promise<Buffer> {
  const { signal } = new AbortController();
  const found: Buffer[] = [];
  // pieces are lent, so each is copied
  for await (const each of decompressed(piecesOf(bytes, piece), 'gzip', signal, { here: true })) {
    found.push(Buffer.from(each));
  }
  return Buffer.concat(found);
}

const content = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.integer({ min: 0, max: 300 }))
  .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)));

void describe('gzip on a thread of its own', () => {
  void test('is what was packed, member after member, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom(0, 1, 511),
        async (members, piece, zeros) => {
          const packed = Buffer.concat([...members.map((member) => gzipSync(member)), Buffer.alloc(zeros)]);
          assert.ok((await gunzipped(packed, piece)).equals(Buffer.concat(members)));
        },
      ),
      { numRuns: 60 },
    );
  });

  void test('is refused where Node refuses it, and gives the same where not', async () => {
    const good = gzipSync(Buffer.from('a sentence that is packed '.repeat(50)));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: good.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: good.length }),
        async (at, value, length) => {
          const bytes = Buffer.from(good);
          bytes[at] = value;
          const cut = bytes.subarray(0, length);
          let expected: Buffer | undefined;
          try {
            expected = gunzipSync(cut);
          } catch {
            await assert.rejects(gunzipped(cut, 7), ImageError);
            return;
          }
          assert.ok((await gunzipped(cut, 7)).equals(expected));
        },
      ),
      { numRuns: 300 },
    );
  });

  void test('what is behind a member and begins as none is refused', async () => {
    const rubbish = Buffer.concat([gzipSync('a'), Buffer.from('rubbish that is no gzip')]);
    await assert.rejects(gunzipped(rubbish), /not sound gzip: incorrect header check/);
  });
});
