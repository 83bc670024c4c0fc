/** Layers become the directories that GNU tar and umoci make of them, on threads, and nothing is left of what fails. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Unpacker } from '../../daemon/images/unpack/unpacker.ts';
import { setXattr } from '../../native-bindings/xattr.ts';
import { writeOciLayout } from '../harness/oci-layout.ts';
import { directory, file, hardlink, tar } from '../harness/tar.ts';
import { type Tree, treeOf } from '../harness/tree.ts';

const top = join(import.meta.dirname, '../..');
const room = mkdtempSync(join(tmpdir(), 'tare-unpack-'));
const unpacker = new Unpacker();
let count = 0;
const fresh = (): string => join(room, String(++count));

after(async () => {
  for (const name of readdirSync(room)) await unpacker.removeTree(join(room, name));
  await unpacker.close();
  rmSync(room, { recursive: true });
});

/** A tree with one of everything. */
function makeTree(): string {
  const path = fresh();
  mkdirSync(path);
  const script = `
    set -e; cd '${path}'; umask 022
    mkdir -p usr/bin etc var/empty 'name with space' deep/${'d'.repeat(90)}/${'e'.repeat(90)}
    echo text >etc/file; ln etc/file etc/second; ln -s file etc/link; ln -s /nowhere etc/dangling; ln etc/link etc/link2
    head -c 300000 /dev/urandom >usr/bin/program; chmod 4755 usr/bin/program; chmod 1777 var/empty; chmod 000 etc/second
    mkfifo -m 622 pipe; mknod null c 1 3; mknod sda b 8 300
    echo ${'x'.repeat(200)} >deep/${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}
    ln -s ${'t'.repeat(150)} long-target
    truncate -s 5M sparse; echo data | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
    chown 3000000:4000000000 'name with space' usr/bin; chown -h 12:13 etc/link; chown 7:8 pipe
    printf x >"$(printf 'bytes-\\377\\376')"; printf x >"é"; : >empty
    touch -h -d '2001-02-03 04:05:06.123456789' etc/link; touch -d '1969-12-31 23:59:58.5' empty
    touch -d '2020-01-01 00:00:00.000000001' deep; touch -d '1999-01-01 00:00:00.987654321' .`;
  execFileSync('sh', ['-c', script]);
  const attributes = [
    ['empty', 'user.name', Buffer.from([0, 0xff, 0x20])],
    ['var', 'user.dir', Buffer.from('d')],
    ['usr/bin/program', 'security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')],
  ] as const;
  for (const [name, attribute, value] of attributes) {
    const fd = openSync(join(path, name), 'r');
    setXattr(fd, attribute, value);
    closeSync(fd);
  }
  return path;
}

async function unpacked(archive: Buffer): Promise<Tree> {
  const path = fresh();
  await unpacker.unpackLayer({ source: Readable.from([archive]), compression: 'none', directory: path });
  return treeOf(path);
}

void describe('the same tree as others make', () => {
  const source = makeTree();

  for (const options of [
    ['--format=pax', '--xattrs', '--xattrs-include=*'],
    ['--format=gnu'],
    ['--format=pax', '-S'],
  ]) {
    void test(`GNU tar, ${options.join(' ')}`, async () => {
      const archive = execFileSync('tar', ['-c', '--sort=name', ...options, '-C', source, '.'], { maxBuffer: 1e8 });
      const other = fresh();
      mkdirSync(other);
      execFileSync('tar', ['-xp', '--numeric-owner', '--xattrs', '--xattrs-include=*', '-C', other], {
        input: archive,
      });
      const tree = await unpacked(archive);
      assert.deepEqual(tree, treeOf(other));
      assert.ok(Object.keys(tree).length > 20);
      if (options.length === 3) assert.deepEqual(tree, treeOf(source));
    });
  }

  void test('umoci, one layer and two with whiteouts under overlayfs', async () => {
    const first = execFileSync('tar', ['-c', '--format=pax', '--xattrs', '--xattrs-include=*', '-C', source, '.'], {
      maxBuffer: 1e8,
    });
    const second = tar(
      file('.wh.pipe'),
      directory('etc', { uid: 4, pax: { mtime: '5.000000007' } }),
      file('etc/.wh..wh..opq'),
      file('etc/anew', 'text'),
      hardlink('etc/other', 'etc/anew'),
      directory('var', { mode: 0o711, mtime: 77 }),
      file('var/.wh.empty'),
      file('sparse', 'not any more', { mode: 0o600, mtime: 78 }),
      // A name that the layer both takes away and has.
      file('.wh.deep'),
      directory('deep', { mtime: 79 }),
      file('deep/file', 'x'),
      directory('.', { mtime: 80, pax: { mtime: '80.000000001' } }),
    );
    for (const layers of [[first], [first, second]]) {
      const layout = fresh();
      writeOciLayout(layout, layers);
      const bundle = fresh();
      execFileSync('umoci', ['unpack', '--image', `${layout}:image`, bundle], { stdio: 'pipe' });
      const lower: string[] = [];
      for (const layer of layers) {
        const path = fresh();
        await unpacker.unpackLayer({ source: Readable.from([gzipSync(layer)]), compression: 'gzip', directory: path });
        lower.unshift(path);
      }
      assert.deepEqual(lower.length === 1 ? treeOf(lower[0]!) : overlayTree(lower), treeOf(join(bundle, 'rootfs')));
    }
  });
});

/** What a container would see, in a mount namespace of its own. */
function overlayTree(lower: readonly string[]): Tree {
  const mount = fresh();
  mkdirSync(mount);
  const program = `import(${JSON.stringify(join(top, 'test/harness/tree.ts'))}).then(({ treeOf }) => process.stdout.write(JSON.stringify(treeOf(${JSON.stringify(mount)}))))`;
  const script = `mount -t overlay overlay -o 'lowerdir=${lower.join(':')}' '${mount}' && exec "$0" -e '${program}'`;
  return JSON.parse(
    execFileSync('unshare', ['-m', 'sh', '-c', script, process.execPath], { encoding: 'utf8', maxBuffer: 1e8 }),
  ) as Tree;
}

void describe('compressed layers', () => {
  const archive = tar(directory('d'), file('d/f', 'text '.repeat(50_000)), file('g', 'x'));
  const half = 100_001;
  const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const forms = {
    none: [archive],
    gzip: [gzipSync(archive)],
    'gzip of two members': [gzipSync(archive.subarray(0, half)), gzipSync(archive.subarray(half))],
    zstd: [zstdCompressSync(archive)],
    'zstd of frames, some skippable': [
      ...[skippable, zstdCompressSync(archive.subarray(0, half)), skippable],
      ...[zstdCompressSync(archive.subarray(half)), zstdCompressSync(Buffer.alloc(0)), skippable],
    ],
  };
  for (const [form, parts] of Object.entries(forms)) {
    for (const piece of [97, 1_000_000]) {
      void test(`${form} in pieces of ${String(piece)} bytes`, async () => {
        const bytes = Buffer.concat(parts);
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
        const compression = form === 'none' ? 'none' : form.startsWith('gzip') ? 'gzip' : 'zstd';
        const seen = await Promise.all(
          ([compression, 'detect'] as const).map((each) =>
            unpacker.unpackLayer({ source: Readable.from(pieces), compression: each, directory: fresh() }),
          ),
        );
        for (const layer of seen) {
          assert.equal(layer.size, archive.length);
          assert.equal(
            layer.diffId,
            `sha256:${execFileSync('sha256sum', { input: archive, encoding: 'utf8' }).slice(0, 64)}`,
          );
          assert.equal(layer.entries, 3);
        }
      });
    }
  }
});

void describe('directories without an entry', () => {
  void test('are as the lower layers have them, the topmost first', async () => {
    const [bottom, middle, layer] = [fresh(), fresh(), fresh()];
    const unpack = (path: string, archive: Buffer, parents: string[]) =>
      unpacker.unpackLayer({ source: Readable.from([archive]), compression: 'none', directory: path, parents });
    const described = { mode: 0o2750, uid: 5, gid: 6, mtime: 7, pax: { 'SCHILY.xattr.user.x': 'y' } };
    await unpack(
      bottom,
      tar(
        directory('a', described),
        directory('a/b', described),
        directory('h/i', described),
        directory('o/p', described),
      ),
      [],
    );
    const second = tar(
      directory('a', { mode: 0o700, mtime: 8 }),
      file('.wh.h'),
      directory('o'),
      file('o/.wh..wh..opq'),
    );
    await unpack(middle, second, [bottom]);
    const result = await unpack(
      layer,
      tar(file('a/b/f'), file('h/i/f'), file('o/p/f'), file('new/f'), directory('late/e'), directory('late')),
      [middle, bottom],
    );
    assert.deepEqual(result.implied, ['a', 'a/b', 'h', 'h/i', 'new', 'o', 'o/p']);
    const tree = treeOf(layer);
    const plain = '40755 0:0 | directory | 0 |  | ';
    assert.match(tree.a!, /^40700 0:0 \| directory \| 8000000000 /);
    assert.match(tree['a/b']!, /^42750 5:6 \| directory \| 7000000000 .*user.x=eQ==/);
    assert.match(tree.o!, /^40755 0:0 \| directory \| 1000000000000000000 /);
    for (const name of ['h', 'h/i', 'o/p', 'new', '']) assert.equal(tree[name], plain, name);
  });
});
