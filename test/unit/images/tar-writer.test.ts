/** The tar writer: what it writes is what our reader, tar-stream and GNU tar read. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { ImageError } from '../../../daemon/images/errors.ts';
import type { TarEntry } from '../../../daemon/images/tar/entry.ts';
import { TarReader } from '../../../daemon/images/tar/reader.ts';
import { type TarMember, TarWriter, type WrittenEntry, tarArchive } from '../../../daemon/images/tar/writer.ts';

interface Written {
  readonly entry: WrittenEntry;
  readonly content: Buffer;
}

function write(members: readonly Written[]): Buffer {
  const pieces: Buffer[] = [];
  const writer = new TarWriter((piece) => pieces.push(piece));
  for (const { entry, content } of members) {
    writer.begin(entry);
    writer.data(content.subarray(0, 100));
    writer.data(content.subarray(100));
    writer.end();
  }
  writer.finish();
  return Buffer.concat(pieces);
}

function read(archive: Buffer): { entry: TarEntry; content: Buffer }[] {
  const found: { entry: TarEntry; content: Buffer }[] = [];
  const reader = new TarReader({
    begin: (entry) => found.push({ entry, content: Buffer.alloc(entry.size) }),
    data: (piece, offset) => void piece.copy(found.at(-1)!.content, offset),
    end: () => undefined,
  });
  reader.push(archive);
  reader.finish();
  return found;
}

/** Every property said, as the reader says it. */
function whole(entry: WrittenEntry): TarEntry {
  const { name, kind, modified } = entry;
  return {
    ...{ target: '', size: 0, parts: undefined, major: 0, minor: 0, xattrs: new Map<string, Buffer>() },
    ...entry,
    name: kind === 'directory' && !name.endsWith('/') ? `${name}/` : name,
    accessed: entry.accessed ?? modified,
    parts: entry.parts?.filter(({ length }) => length > 0),
  };
}

/** With a prototype, as the reader's objects are. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const letter = fc.constantFrom('a', 'b', 'c', 'd', '/', '/', '.', '-', ' ');
/** Bytes of all kinds; valid UTF-8 among them. */
const text = fc.oneof(
  fc.string({ unit: letter, minLength: 1, maxLength: 300 }),
  fc.string({ unit: byte, minLength: 1, maxLength: 300 }),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .map((value) => Buffer.from(value.replaceAll('\0', '0')).toString('latin1')),
);
const fileName = text.map((name) => (name.endsWith('/') ? `${name}.` : name));
const id = fc.oneof(fc.nat(5000), fc.integer({ min: 0o7777770, max: 0o10000010 }), fc.constant(0xfffffffe));
const time = record({
  seconds: fc.oneof(
    fc.nat(2 ** 31),
    fc.integer({ min: -100, max: 100 }),
    fc.constantFrom(2 ** 33 - 1, 2 ** 33, 2 ** 40),
  ),
  nanoseconds: fc.constantFrom(0, 0, 1, 999_999_999, 750_000_000),
});
const xattrs = fc
  .array(fc.tuple(fc.string({ unit: byte, minLength: 1 }), fc.uint8Array({ maxLength: 40 })), { maxLength: 3 })
  .map((pairs) => new Map(pairs.map(([key, value]) => [key.replaceAll('=', '-'), Buffer.from(value)])));
const common = { mode: fc.nat(0o7777), uid: id, gid: id, modified: time, accessed: time, xattrs };

const plainFile = record({
  ...common,
  kind: fc.constant('file' as const),
  name: fileName,
  bytes: fc.uint8Array({ maxLength: 1500 }),
}).map(({ bytes, ...entry }): Written => ({ entry: { ...entry, size: bytes.length }, content: Buffer.from(bytes) }));
const sparseFile = record({
  ...common,
  kind: fc.constant('file' as const),
  name: fileName,
  spans: fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 700 })), { maxLength: 120 }),
  tail: fc.nat(2 ** 40),
}).map(({ spans, tail, ...entry }): Written => {
  let end = 0;
  const parts = spans.map(([hole, length]) => ({ offset: (end += hole), length: (end += length) && length }));
  const content = Buffer.alloc(
    parts.reduce((sum, { length }) => sum + length, 0),
    'x',
  );
  // A hole at the end may be of any size.
  return { entry: { ...entry, size: end + tail, parts }, content };
});
const others = fc
  .oneof(
    record({ ...common, kind: fc.constantFrom('directory' as const, 'fifo' as const), name: fileName }),
    record({ ...common, kind: fc.constantFrom('link' as const, 'symlink' as const), name: fileName, target: text }),
    record({
      ...{ ...common, kind: fc.constantFrom('character-device' as const, 'block-device' as const), name: fileName },
      ...{ major: fc.nat(4095), minor: fc.nat(1_048_575) },
    }),
  )
  .map((entry): Written => ({ entry, content: Buffer.alloc(0) }));

function onDisk(archive: Buffer, check: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'tare-tar-'));
  try {
    writeFileSync(join(directory, 'archive.tar'), archive);
    check(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const plain = { mode: 0o644, uid: 0, gid: 0, modified: { seconds: 1_700_000_000, nanoseconds: 0 } };

void describe('the tar writer', () => {
  void test('our reader reads what was written, whatever it was', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(plainFile, others), { maxLength: 6 }), (members) => {
        const found = read(write(members));
        assert.deepEqual(
          found.map(({ entry }) => entry),
          members.map(({ entry }) => whole(entry)),
        );
        assert.deepEqual(
          found.map(({ content }) => content),
          members.map(({ content }) => content),
        );
      }),
      { numRuns: 400 },
    );
  });

  void test('our reader reads sparse files', () => {
    fc.assert(
      fc.property(sparseFile, (member) => {
        let came = 0;
        const entries: TarEntry[] = [];
        const reader = new TarReader({
          begin: (entry) => entries.push(entry),
          data: (piece) => (came += piece.length),
          end: () => undefined,
        });
        reader.push(write([member]));
        reader.finish();
        assert.deepEqual(entries, [whole(member.entry)]);
        assert.equal(came, member.content.length);
      }),
      { numRuns: 200 },
    );
  });

  void test('the same entries give the same bytes, in one piece or many, and a stream the same as a writer', async () => {
    const big = Buffer.alloc(700_000, 'b');
    const members: Written[] = [
      { entry: { ...plain, kind: 'directory', name: 'd' }, content: Buffer.alloc(0) },
      { entry: { ...plain, kind: 'file', name: 'd/f', size: big.length }, content: big },
      { entry: { ...plain, kind: 'symlink', name: 'd/l', target: 't'.repeat(101) }, content: Buffer.alloc(0) },
    ];
    const streamed: TarMember[] = members.map(({ entry, content }) => ({
      entry,
      content: () => [content.subarray(0, 7), content.subarray(7)],
    }));
    const pieces: Uint8Array[] = [];
    for await (const piece of tarArchive(streamed)) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).equals(write(members)));
  });

  void test('tar-stream reads names, ids, sizes and times', async () => {
    const names = ['short', `${'long/'.repeat(30)}name`, 'n'.repeat(150), 'ümlaut', 'é'.repeat(90)];
    const members = names.map((name, index): Written => {
      const content = Buffer.from(`content ${index}`);
      const bytes = Buffer.from(name).toString('latin1');
      const entry = { ...plain, kind: 'file' as const, name: bytes, uid: 1000 * index, size: content.length };
      return { entry, content };
    });
    const reader = extract();
    Readable.from([write(members)]).pipe(reader);
    const found: unknown[] = [];
    for await (const entry of reader) {
      const pieces: Buffer[] = [];
      for await (const piece of entry) pieces.push(piece as Buffer);
      const { name, uid, mtime, type } = entry.header;
      found.push([name, uid, mtime.getTime(), type, Buffer.concat(pieces).toString()]);
    }
    assert.deepEqual(
      found,
      names.map((name, index) => [name, 1000 * index, 1_700_000_000_000, 'file', `content ${index}`]),
    );
  });

  void test('GNU tar unpacks it, and its holes', () => {
    const content = Buffer.alloc(8192, 'd');
    const at = (name: string) => ({ ...plain, name });
    const members: Written[] = [
      { entry: { ...at('dir'), kind: 'directory', mode: 0o1751, uid: 5, gid: 6 }, content: Buffer.alloc(0) },
      {
        entry: {
          ...{ ...at(`dir/${'n'.repeat(200)}`), kind: 'file', size: 8192, mode: 0o4755, uid: 3_000_000, gid: 7 },
          modified: { seconds: -2, nanoseconds: 750_000_000 },
        },
        content,
      },
      {
        entry: {
          ...{ ...at('dir/sparse'), kind: 'file', size: 1_000_000 },
          parts: [
            { offset: 65_536, length: 4096 },
            { offset: 524_288, length: 4096 },
          ],
        },
        content,
      },
      { entry: { ...at('dir/link'), kind: 'symlink', target: '../'.repeat(60) }, content: Buffer.alloc(0) },
      { entry: { ...at('dir/hard'), kind: 'link', target: 'dir/sparse' }, content: Buffer.alloc(0) },
      { entry: { ...at('dir/fifo'), kind: 'fifo' }, content: Buffer.alloc(0) },
    ];
    onDisk(write(members), (root) => {
      execFileSync('tar', ['-x', '-p', '--numeric-owner', '-f', 'archive.tar'], { cwd: root, stdio: 'pipe' });
      const stat = (name: string) => lstatSync(join(root, name), { bigint: true });
      const [directory, long, sparse, hard] = ['dir', `dir/${'n'.repeat(200)}`, 'dir/sparse', 'dir/hard'].map(stat);
      assert.deepEqual([directory!.mode & 0o7777n, directory!.uid, directory!.gid], [0o1751n, 5n, 6n]);
      assert.deepEqual([long!.mode & 0o7777n, long!.uid, long!.gid], [0o4755n, 3_000_000n, 7n]);
      assert.equal(long!.mtimeNs, -1_250_000_000n);
      assert.equal(sparse!.size, 1_000_000n);
      const expected = Buffer.alloc(1_000_000);
      expected.fill('d', 65_536, 69_632).fill('d', 524_288, 528_384);
      assert.ok(readFileSync(join(root, 'dir/sparse')).equals(expected));
      assert.equal(hard!.ino, sparse!.ino);
      assert.equal(readlinkSync(join(root, 'dir/link')), '../'.repeat(60));
      assert.ok(stat('dir/fifo').isFIFO());
    });
  });

  void test('refuses what no archive can hold, and contents of another size', async () => {
    const file = { ...plain, kind: 'file' as const, name: 'f' };
    const wrong: WrittenEntry[] = [
      { ...file, name: '' },
      { ...file, name: 'f/' },
      { ...file, name: 'a\0b' },
      { ...file, name: 'ā' },
      { ...file, uid: 0xffffffff },
      { ...file, gid: -1 },
      { ...file, size: -1 },
      { ...file, target: 't' },
      { ...file, kind: 'symlink' },
      { ...file, kind: 'fifo', size: 1 },
      { ...file, xattrs: new Map([['user.a=b', Buffer.from('c')]]) },
      { ...file, size: 10, parts: [{ offset: 5, length: 6 }] },
    ];
    for (const entry of wrong) assert.throws(() => write([{ entry, content: Buffer.alloc(0) }]), RangeError);
    const attribute = Buffer.alloc(600 * 1024);
    const xattrs = new Map(['user.a', 'user.b'].map((name) => [name, attribute]));
    assert.throws(
      () => write([{ entry: { ...file, xattrs }, content: Buffer.alloc(0) }]),
      (error: unknown) => error instanceof ImageError && error.code === 'too_large',
    );
    for (const content of ['', 'four!']) {
      const mismatch = (error: unknown): boolean => error instanceof ImageError && error.code === 'size_mismatch';
      assert.throws(() => write([{ entry: { ...file, size: 4 }, content: Buffer.from(content) }]), mismatch);
      const members: TarMember[] = [{ entry: { ...file, size: 4 }, content: () => [Buffer.from(content)] }];
      await assert.rejects(Readable.from(tarArchive(members)).toArray(), mismatch);
    }
  });
});
