/** The tar reader alone: what archives may look like, in pieces of any length, and any bytes at all. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ImageError } from '../../../daemon/images/errors.ts';
import type { TarEntry } from '../../../daemon/images/tar/entry.ts';
import { TarReader } from '../../../daemon/images/tar/reader.ts';
import { removeTree } from '../../../daemon/images/unpack/unpack-here.ts';
import {
  directory,
  extension,
  file,
  hardlink,
  header,
  member,
  padded,
  sealed,
  symlink,
  tar,
} from '../../harness/tar.ts';
import { anyArchive } from '../../harness/archives/malformed.ts';
import { UnpackRoom } from '../../harness/unpack-room.ts';

interface Read extends TarEntry {
  content: Buffer;
}

/** With holes filled. */
function read(archive: Buffer, piece = archive.length): Read[] {
  const entries: Read[] = [];
  let now: Read | undefined;
  const reader = new TarReader({
    begin: (entry) => void (now = { ...entry, content: Buffer.alloc(entry.size) }),
    data: (bytes, offset) => void bytes.copy(now!.content, offset),
    end: () => {
      entries.push(now!);
      now = undefined;
    },
  });
  for (let at = 0; at < archive.length; at += piece) reader.push(archive.subarray(at, at + piece));
  reader.finish();
  return entries;
}

void describe('the tar reader', () => {
  void test('reads the same whatever the pieces are', () => {
    const archive = tar(
      directory('d/', { uid: 3_000_000, gid: 4_000_000_000, mtime: -5 }),
      file('d/f', 'x'.repeat(1500), {
        pax: { mtime: '-1.25', atime: '12.5', 'SCHILY.xattr.user.é': Buffer.from([0, 10, 255]) },
      }),
      file(`d/${'long/'.repeat(60)}`),
      extension('K', Buffer.from(`${'t'.repeat(200)}\0`)),
      symlink('l', 'short'),
      hardlink('h', 'd/f'),
    );
    const whole = read(archive);
    assert.deepEqual(
      whole.map(({ kind, name, target }) => [kind, name, target]),
      [
        ['directory', 'd/', ''],
        ['file', 'd/f', ''],
        ['directory', `d/${'long/'.repeat(60)}`, ''],
        ['symlink', 'l', 't'.repeat(200)],
        ['link', 'h', 'd/f'],
      ],
    );
    assert.deepEqual([whole[0]!.uid, whole[0]!.gid, whole[0]!.modified.seconds], [3_000_000, 4_000_000_000, -5]);
    assert.deepEqual(whole[1]!.modified, { seconds: -2, nanoseconds: 750_000_000 });
    assert.deepEqual(whole[1]!.accessed, { seconds: 12, nanoseconds: 500_000_000 });
    assert.deepEqual([...whole[1]!.xattrs], [[Buffer.from('user.é').toString('latin1'), Buffer.from([0, 10, 255])]]);
    for (const piece of [1, 7, 511, 513, 4096]) assert.deepEqual(read(archive, piece), whole);
  });

  void test('old forms of headers', () => {
    const v7 = header(file('old/', ''));
    v7.fill(0, 257);
    v7[156] = 0;
    const star = header(file('name', '', { patch: { 345: 'prefix', 476: '12345', 508: 'tar\0' } }));
    const ustar = header(file('name', '', { patch: { 345: 'p'.repeat(155) } }));
    const gnu = header(file('name', '', { patch: { 257: 'ustar  \0', 345: '12345670123' } }));
    const spaces = header(file('f', '', { patch: { 100: '   644 \0' } }));
    const signed = header(file(Buffer.from([0xe9]), ''));
    sealed(signed, -256);
    const entries = read(tar(sealed(v7), star, ustar, gnu, spaces, signed));
    assert.deepEqual(
      entries.map(({ kind, name, mode }) => [kind, name, mode]),
      [
        ['directory', 'old/', 0o644],
        ['file', 'prefix/name', 0o644],
        ['file', `${'p'.repeat(155)}/name`, 0o644],
        ['file', 'name', 0o644],
        ['file', 'f', 0o644],
        ['file', 'é', 0o644],
      ],
    );
  });

  void test('the blocks of zeros at the end may be missing', () => {
    assert.equal(read(member(file('f', 'x'))).length, 1);
    assert.equal(read(Buffer.concat([member(file('f', 'x')), Buffer.alloc(512)])).length, 1);
    assert.equal(read(Buffer.alloc(0)).length, 0);
  });

  void test('sparse files of each of GNU tar’s forms', () => {
    const room = mkdtempSync(join(tmpdir(), 'tare-sparse-'));
    try {
      const fd = openSync(join(room, 'sparse'), 'w');
      // More parts than the old form's header and first further block hold.
      for (let part = 0; part < 40; part++) writeSync(fd, `part ${String(part)}`, 65_536 * part + 4096);
      ftruncateSync(fd, 65_536 * 41);
      closeSync(fd);
      const original = readFileSync(join(room, 'sparse'));
      const forms = [
        ['--format=gnu'],
        ...['0.0', '0.1', '1.0'].map((form) => ['--format=pax', `--sparse-version=${form}`]),
      ];
      for (const form of forms) {
        const archive = execFileSync('tar', ['-cS', ...form, '-C', room, 'sparse'], { maxBuffer: 1e8 });
        assert.ok(archive.length < original.length);
        for (const piece of [archive.length, 1000]) {
          const [entry] = read(archive, piece);
          assert.equal(entry!.name, 'sparse');
          assert.ok(entry!.content.equals(original), form.join(' '));
        }
      }
    } finally {
      rmSync(room, { recursive: true });
    }
  });
});

void describe('any archive at all', () => {
  void test('is unpacked below the root or refused as a layer, and what is made can be removed', async () => {
    using room = new UnpackRoom();
    await fc.assert(
      fc.asyncProperty(anyArchive(), fc.integer({ min: 1, max: 5000 }), async (archive, piece) => {
        try {
          await room.unpack(archive, {}, piece);
          removeTree(room.layer);
        } catch (error) {
          assert.ok(error instanceof ImageError, String(error));
        }
        room.assertUntouched();
      }),
      { numRuns: 400 },
    );
  });

  void test('bytes without any sense are refused', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 512, maxLength: 512 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (blocks, seal) => {
          const archive = Buffer.concat(
            blocks.map((block) => (seal ? sealed(Buffer.from(block)) : padded(Buffer.from(block)))),
          );
          try {
            read(archive, 300);
          } catch (error) {
            assert.ok(error instanceof ImageError || error instanceof RangeError, String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
