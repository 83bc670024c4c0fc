/** Archives that are not what they say, or more than they should be, are refused as a layer, and nothing is kept. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { crc32, gzipSync } from 'node:zlib';
import { removeTree } from '../../../daemon/images/unpack/unpack-here.ts';
import { END, directory, extension, file, hardlink, header, member, record, symlink, tar } from '../../harness/tar.ts';
import { UnpackRoom } from '../../harness/unpack-room.ts';

const MiB = 1024 * 1024;

void describe('archives that lie', () => {
  void test('about sizes', async () => {
    using room = new UnpackRoom();
    await room.refuses(Buffer.concat([header(file('f', 'x', { size: 1e12 })), Buffer.alloc(2048)]), /cut off/);
    await room.refuses(tar(file('f', 'x', { size: 2 ** 53 })), /out of range/);
    await room.refuses(tar(file('f', 'x', { size: -1 })), /negative/);
    await room.refuses(tar(file('f', 'x', { patch: { 124: '9999999999\0' } })), /not a number/);
    await room.refuses(tar(file('f', 'x', { pax: { size: '99999999999' } })), /cut off/);
    await room.refuses(tar(file('f', 'x', { pax: { size: '-1' } })), /not a number/);
    await room.refuses(tar(extension('L', Buffer.alloc(MiB + 1, 'a')), file('f')), /larger than a MiB/);
    // Only files have data: the size of all else is passed over.
    const tree = await room.tree(
      tar({ ...symlink('l', 'x'), size: 1e9 }, { ...directory('d'), size: 1e9 }, file('f', 'x')),
    );
    assert.deepEqual(Object.keys(tree), ['', 'd', 'f', 'l']);
  });

  void test('about owners, types and checksums', async () => {
    using room = new UnpackRoom();
    await room.refuses(tar(file('f', '', { uid: 0xffffffff })), /out of range/);
    await room.refuses(tar(file('f', '', { pax: { gid: '4294967295' } })), /out of range/);
    await room.refuses(tar(file('f', '', { uid: -5 })), /out of range/);
    await room.refuses(tar(file('f', '', { type: 'M' })), /of type ""M""|cannot be unpacked/);
    await room.refuses(tar(file('f', '', { checksumOff: 1 })), /checksum/);
    await room.refuses(Buffer.from('no archive at all'.repeat(100)), /not a sound tar archive/);
  });

  void test('in pax records', async () => {
    using room = new UnpackRoom();
    const lies = [
      '5 a=b\n',
      '7 a=b\n',
      '6 a=bc',
      '0 a=b\n',
      'x a=b\n',
      '6 abc\n',
      '6 =bc\n',
      '99999999999 a=b\n',
      ' 6 a=b\n',
      '-6 a=b\n',
      '6a=b\n\n',
      '3 \n',
    ];
    for (const lie of lies) {
      await room.refuses(tar(extension('x', Buffer.from(lie)), file('f')), /extended header/);
    }
    await room.refuses(tar(extension('x', record('mtime', '1e9')), file('f')), /not a time/);
    await room.refuses(tar(extension('x', record('mtime', '9'.repeat(17))), file('f')), /not a time/);
    await room.refuses(Buffer.concat([extension('x', record('path', 'a')), END]), /cut off|not a sound/);
    // Those for all entries change nothing, as with Go's reader.
    const tree = await room.tree(tar(extension('g', record('path', '../x')), file('f', 'x')));
    assert.deepEqual(Object.keys(tree), ['', 'f']);
  });

  void test('in sparse maps', async () => {
    using room = new UnpackRoom();
    const sparse = (map: string, size = '100', data = 'x'.repeat(10)) =>
      tar(file('f', data, { pax: { 'GNU.sparse.map': map, 'GNU.sparse.size': size } }));
    await room.refuses(sparse('0,5,3,5'), /overlap/);
    await room.refuses(sparse('95,10'), /overlap or lie behind/);
    await room.refuses(sparse('0,5'), /differ/);
    await room.refuses(sparse('0'), /ends in the middle/);
    await room.refuses(sparse('0,-5'), /not a number/);
    await room.refuses(sparse('9007199254740991,10'), /overlap or lie behind|file system/);
    await room.refuses(sparse('0,10', String(2 ** 53 - 1)), /larger than the file system allows/);
    const version1 = (map: string) =>
      tar(
        file('f', map, {
          pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'f', 'GNU.sparse.realsize': '9' },
        }),
      );
    await room.refuses(version1('99999999\n'), /too long/);
    await room.refuses(version1(`1\n${'1'.repeat(600)}`), /too long|longer/);
    await room.refuses(version1('1\nx\n'), /else than numbers/);
    await room.refuses(version1('5\n0\n'), /longer than its file|too long/);
  });

  void test('anywhere they are cut', async () => {
    using room = new UnpackRoom();
    const archive = tar(
      directory('d'),
      file('d/f', 'x'.repeat(700), { pax: { 'SCHILY.xattr.user.x': 'y' } }),
      hardlink('h', 'd/f'),
    );
    for (let length = 100; length < archive.length - END.length; length += 100) {
      const cut = archive.subarray(0, length);
      // What fills up the last block of a file may be missing.
      const isWhole = length % 512 === 0 || (length >= 2048 + 700 && length < 3072);
      if (!isWhole) await room.refuses(cut, /cut off/);
      await room.refuses(gzipSync(archive).subarray(0, -1 - (length % 60)), /gzip: it is cut off/, 'layer_invalid', {
        compression: 'gzip',
      });
    }
  });

  void test('with rubbish behind', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(Buffer.concat([tar(file('a', 'x')), tar(file('../b')), Buffer.alloc(777, 1)]));
    assert.deepEqual(Object.keys(tree), ['', 'a']);
    await room.refuses(Buffer.concat([member(file('a', 'x')), Buffer.alloc(512), tar(file('b'))]), /follows its end/);
  });

  void test('with broken compression', async () => {
    using room = new UnpackRoom();
    const good = gzipSync(tar(file('a', 'x'.repeat(3000))));
    const checksum = Buffer.from(good);
    checksum.writeUInt32LE(crc32('other'), checksum.length - 8);
    await room.refuses(checksum, /not sound gzip: incorrect data check/, 'layer_invalid', { compression: 'gzip' });
    await room.refuses(tar(file('a')), /not sound gzip/, 'layer_invalid', { compression: 'gzip' });
    await room.refuses(tar(file('a')), /not sound zstd/, 'layer_invalid', { compression: 'zstd' });
    await room.refuses(good, /not a sound tar archive/, 'layer_invalid', { compression: 'none' });
  });
});

void describe('archives that want too much', () => {
  void test('a bomb ends at the bound, and nothing of it is left', async () => {
    using room = new UnpackRoom();
    const bomb = gzipSync(tar(file('zeros', Buffer.alloc(64 * MiB).toString('latin1'))));
    await room.refuses(bomb, /larger than 1048576 bytes uncompressed/, 'too_large', {
      compression: 'gzip',
      limits: { size: MiB },
    });
    const many = tar(...Array.from({ length: 200 }, (_, index) => file(String(index))));
    await room.refuses(many, /more than 100 entries/, 'too_large', { limits: { entries: 100 } });
    await room.unpack(many, { limits: { entries: 200, size: many.length } });
  });

  void test('another diff id is refused', async () => {
    using room = new UnpackRoom();
    await room.refuses(tar(file('a')), /diff id is sha256:/, 'digest_mismatch', { diffId: `sha256:${'0'.repeat(64)}` });
  });

  void test('short names behind long links end', async () => {
    using room = new UnpackRoom();
    const there = 'd/'.repeat(600);
    const links = Array.from({ length: 39 }, (_, index) =>
      symlink(`l${String(index + 1)}`, `/${there}${'../'.repeat(600)}l${String(index)}`),
    );
    const walks = Array.from({ length: 200 }, (_, index) => file(`l39/f${String(index)}`));
    await room.refuses(
      tar(directory(there), symlink('l0', '/'), ...links, ...walks),
      /symbolic links that are too long/,
    );
  });

  void test('implied directories that were replaced are not told', async () => {
    using room = new UnpackRoom();
    const { implied } = await room.unpack(
      tar(
        ...[
          file('a/b/c/f'),
          file('a/b', 'x'),
          file('d/e/f'),
          symlink('d', 'a'),
          file('g/h/f'),
          file('g'),
          file('.wh.i'),
          file('i/j/f'),
        ],
      ),
    );
    assert.deepEqual(implied, ['a', 'i', 'i/j']);
  });

  void test('depth is bounded, and what is deep is removed', async () => {
    using room = new UnpackRoom();
    await room.unpack(tar(directory('a/'.repeat(1000))));
    removeTree(room.layer);
    await room.refuses(tar(directory('a/'.repeat(2000))), /deeper than 1024 directories/);
    // By a link that leads to the deep end again and again.
    const long = `${'b'.repeat(200)}/`.repeat(15);
    await room.refuses(
      tar(directory(long), symlink('l', long), directory(`l/${long}`)),
      /deeper than .* or 4095 bytes/,
    );
    assert.deepEqual(readdirSync(room.path), ['canary']);
  });
});
