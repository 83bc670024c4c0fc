/** What of an archive means something to overlayfs or the kernel: whiteouts, devices, attributes. */
import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { describe, test } from 'node:test';
import { removeTree } from '../../../daemon/images/unpack/unpack-here.ts';
import { getXattr, listXattrs } from '../../../native-bindings/xattr.ts';
import { directory, file, hardlink, symlink, tar } from '../../harness/tar.ts';
import { UnpackRoom } from '../../harness/unpack-room.ts';

const MiB = 1024 * 1024;

void describe('whiteouts', () => {
  for (const name of ['.wh.', '.wh..', '.wh...', 'a/.wh.', 'a/.wh..', 'a/.wh...']) {
    void test(`${name} is refused`, async () => {
      using room = new UnpackRoom();
      await room.refuses(tar(directory('a'), file(name)), /a whiteout of a directory above it/);
    });
  }

  void test('they hide, and do not touch what the layer has', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(
        file('.wh.gone'),
        file('kept', 'x'),
        file('.wh.kept'),
        directory('d'),
        file('d/f'),
        file('.wh.d'),
        file('.wh.anew'),
        directory('anew'),
      ),
    );
    assert.match(tree.gone!, /^20000 0:0 .*device 0/);
    assert.match(tree.kept!, /^100644 .*size 1/);
    assert.match(tree.d!, /opaque=eQ==/);
    assert.ok('d/f' in tree);
    assert.match(tree.anew!, /^40755 .*opaque=eQ==/);
  });

  void test('through a link they stay inside, below one there is nothing', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(tar(symlink('l', room.canary), file('l/.wh.file'), file('l/directory/.wh..wh..opq')));
    assert.match(tree[`${room.canary.slice(1)}/file`]!, /^20000 /);
    assert.match(tree[`${room.canary.slice(1)}/directory`]!, /opaque/);
    await room.refuses(tar(file('.wh.a/b')), /lies below a whiteout/);
    await room.refuses(tar(file('a/.wh.../b')), /lies below a whiteout/);
  });

  void test('one in whose place something is put needs no directory entry to hide', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(tar(file('.wh.d'), file('d/f', 'x')));
    assert.match(tree.d!, /^40755 .*opaque=eQ==/);
  });

  void test('the root can be opaque, which the result tells', async () => {
    using room = new UnpackRoom();
    const layer = await room.unpack(tar(file('.wh..wh..opq'), file('a')));
    assert.equal(layer.rootOpaque, true);
    removeTree(room.layer);
    assert.equal((await room.unpack(tar(directory('a'), file('a/.wh..wh..opq')))).rootOpaque, false);
  });

  void test('what aufs left is no part of an image, and hides nothing', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(directory('.wh..wh.plnk'), file('.wh..wh.plnk/1.2', 'x'), file('.wh..wh.aufs', 'y'), file('a', 'z')),
    );
    assert.deepEqual(Object.keys(tree), ['', 'a']);
    assert.match(tree.a!, /size 1/);
  });

  void test('data and targets of whiteouts are nobody’s', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(file('.wh.a', 'x'.repeat(5000)), hardlink('.wh.b', '../x'), directory('.wh.c'), file('d', 'y')),
    );
    for (const name of ['a', 'b', 'c']) assert.match(tree[name]!, /^20000 /);
    assert.match(tree.d!, /size 1/);
  });
});

void describe('devices, setuid and attributes are data', () => {
  void test('a device is made as it says and is not opened; a number beyond the kernel’s is refused', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(
        { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666, uid: 3 },
        { name: 'sda', type: '4', major: 8, minor: 256, mode: 0o4640 },
        { name: 'pipe', type: '6', mode: 0o622 },
      ),
    );
    assert.match(tree.null!, /^20666 3:0 .*device 259 /);
    assert.match(tree.sda!, /^64640 /);
    assert.match(tree.pipe!, /^10622 /);
    await room.refuses(tar({ name: 'x', type: '3', major: 4096 }), /out of range/);
    await room.refuses(tar({ name: 'x', type: '4', minor: MiB }), /out of range/);
    await room.refuses(tar({ name: 'x', type: '4', patch: { 329: Buffer.alloc(8, 0xff) } }), /out of range/);
  });

  void test('attributes that speak to the host are left out and told', async () => {
    using room = new UnpackRoom();
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const layer = await room.unpack(
      tar(
        directory('d', {
          pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/../../etc', 'SCHILY.xattr.user.overlay.opaque': 'y' },
        }),
        file('f', 'x', {
          mode: 0o4755,
          uid: 1000,
          pax: {
            'SCHILY.xattr.security.capability': capability,
            'SCHILY.xattr.security.selinux': 'x',
            'SCHILY.xattr.user.kept': Buffer.from([0, 0xff]),
          },
        }),
        symlink('l', 'f', { pax: { 'SCHILY.xattr.user.not-on-links': '1' } }),
        file('g', 'x', {
          pax: { 'SCHILY.xattr.trusted.overlay.metacopy': '', 'SCHILY.xattr.': 'x', 'SCHILY.xattr.user.': 'x' },
        }),
      ),
    );
    assert.deepEqual(layer.leftOut, [
      ...['', 'security.selinux', 'trusted.overlay.metacopy', 'trusted.overlay.redirect'],
      ...['user.', 'user.not-on-links', 'user.overlay.opaque'],
    ]);
    assert.deepEqual(listXattrs(`${room.layer}/f`).sort(), ['security.capability', 'user.kept']);
    assert.deepEqual(getXattr(`${room.layer}/f`, 'security.capability'), capability);
    assert.equal(lstatSync(`${room.layer}/f`).mode & 0o7777, 0o4755);
  });

  void test('an attribute that the kernel does not take, and one too large, are refused', async () => {
    using room = new UnpackRoom();
    await room.refuses(
      tar(file('f', '', { pax: { 'SCHILY.xattr.security.capability': 'short' } })),
      /kernel does not take/,
    );
    await room.refuses(
      tar(file('f', '', { pax: { 'SCHILY.xattr.user.x': Buffer.alloc(70_000) } })),
      /attribute that is too large/,
    );
  });
});
