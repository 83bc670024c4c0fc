/** Names and links of archives that lead out of the layer, or at each other: nothing outside its root is touched. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { directory, extension, file, hardlink, symlink, tar } from '../../harness/tar.ts';
import { UnpackRoom } from '../../harness/unpack-room.ts';

void describe('names that lead out', () => {
  for (const name of [
    '../canary/file',
    'a/../../canary/file',
    '..',
    '/../canary/file',
    './../x',
    'a/..',
    '../../../../tmp/x',
  ]) {
    void test(`${name} is refused`, async () => {
      using room = new UnpackRoom();
      await room.refuses(tar(directory('a'), file(name, 'bad')), /leads upwards/);
      await room.refuses(tar(directory(`${name}/`)), /leads upwards/);
      await room.refuses(tar(symlink(name, 'x')), /leads upwards/);
      await room.refuses(tar({ name, type: '3', major: 1, minor: 3 }), /leads upwards/);
      await room.refuses(tar({ name: 'plain', pax: { path: name }, data: 'bad' }), /leads upwards/);
      await room.refuses(tar(extension('L', Buffer.from(`${name}\0`)), file('plain')), /leads upwards/);
    });
  }

  void test('an absolute name begins at the root', async () => {
    using room = new UnpackRoom();
    const inside = `${room.canary}/file`.slice(1);
    const tree = await room.tree(tar(file(`${room.canary}/file`, 'mine'), file('///etc//passwd', 'x')));
    assert.ok(inside in tree);
    assert.ok('etc/passwd' in tree);
  });

  void test('a NUL, an empty name and names that are too long are refused', async () => {
    using room = new UnpackRoom();
    await room.refuses(tar(file('x', '', { pax: { path: 'a\0b' } })), /holds a NUL/);
    await room.refuses(tar(symlink('x', 'y', { pax: { linkpath: 'a\0b' } })), /holds a NUL/);
    await room.refuses(tar(file('x', '', { pax: { 'SCHILY.xattr.user.a\0b': 'v' } })), /holds a NUL/);
    await room.refuses(tar(file('')), /has no name/);
    await room.refuses(tar(file(`${'a/'.repeat(2048)}b`)), /more than 4095 bytes/);
    await room.refuses(tar(file('a'.repeat(256))), /component of more than 255 bytes/);
    await room.refuses(tar(extension('L', Buffer.alloc(4097, 'a')), file('x')), /more than 4095 bytes/);
    await room.refuses(tar(symlink('x', 'a'.repeat(4096))), /a name that is too long/);
    await room.refuses(tar(symlink('x', '')), /symbolic link to nothing/);
  });

  void test('the root is a directory and stays one', async () => {
    using room = new UnpackRoom();
    for (const name of ['/', '.', './', '//./']) {
      await room.refuses(tar({ name, type: '1', target: 'x' }), /the root and no directory/);
      await room.refuses(tar(symlink(name, room.canary)), /the root and no directory/);
      await room.refuses(tar({ name, type: '6' }), /the root and no directory/);
    }
    const tree = await room.tree(tar(directory('./', { mode: 0o1777, uid: 5, gid: 6 })));
    assert.match(tree['']!, /^41777 5:6/);
  });
});

void describe('links that lead out', () => {
  void test('what goes through a symbolic link stays below the root, or is refused', async () => {
    using room = new UnpackRoom();
    const up = '../'.repeat(30);
    for (const target of [room.canary, `${up}${room.canary.slice(1)}`, '../canary']) {
      const tree = await room.tree(
        tar(
          symlink('way', target),
          file('way/file', 'mine'),
          directory('way/directory', { mode: 0o700, uid: 9, pax: { 'SCHILY.xattr.user.x': 'y' } }),
          directory('way/', { mode: 0o711 }),
        ),
      );
      // The link became a directory, and what went through it lies where it led to inside the root.
      assert.match(tree.way!, /^40711/);
      const inside = target === '../canary' ? 'canary' : room.canary.slice(1);
      assert.ok(`${inside}/file` in tree, JSON.stringify(tree));
      assert.match(tree[`${inside}/directory`]!, /^40700 9:0/);
    }
  });

  void test('a chain of links, loops and links at every level end inside', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(symlink('a', '/b'), symlink('b', 'c/../../../d'), directory('c'), symlink('d', '..'), file('a/x', 'mine')),
    );
    assert.ok('x' in tree);
    await room.refuses(tar(symlink('a', 'b'), symlink('b', 'a'), file('a/x')), /too many symbolic links/);
    await room.refuses(tar(symlink('a', 'a'), file('a/x')), /too many symbolic links/);
    await room.refuses(tar(symlink('a', 'a/a'), file('a/x')), /too many symbolic links/);
    await room.refuses(tar(symlink('a', '/proc/self/root'), file('proc', 'x'), file('a/x')), /not a directory/);
  });

  void test('a file in the place of a link replaces the link, not what it leads to', async () => {
    using room = new UnpackRoom();
    for (const type of ['0', '6', '3', '4', '5', '2']) {
      const tree = await room.tree(
        tar(symlink('l', `${room.canary}/victim`), {
          ...{ name: 'l', type, target: 'new', mode: 0o777, uid: 77, gid: 77, mtime: 1, data: '' },
          pax: { 'SCHILY.xattr.user.x': 'y' },
        }),
      );
      assert.match(tree.l!, / 77:77 /);
    }
  });

  void test('owner, mode, times and attributes of a link are its own', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(symlink('l', `${room.canary}/victim`, { uid: 7, gid: 8, mtime: 9, pax: { 'SCHILY.xattr.user.x': 'y' } })),
    );
    assert.match(tree.l!, /^120777 7:8 /);
  });

  void test('hard links have their target in the layer', async () => {
    using room = new UnpackRoom();
    for (const target of [`${room.canary}/file`, 'nothing', 'directory/nothing', '', '/', '.']) {
      await room.refuses(tar(directory('directory'), hardlink('h', target)), /does not have/);
    }
    await room.refuses(tar(hardlink('h', '../canary/file')), /leads upwards/);
    await room.refuses(tar(hardlink('h', 'a/../../canary/file')), /leads upwards/);
    await room.refuses(tar(symlink('l', room.canary), hardlink('h', 'l/file')), /does not have/);
    await room.refuses(tar(directory('d'), hardlink('h', 'd')), /hard link to the directory "d"/);
    await room.refuses(tar(hardlink('h', 'h')), /does not have/);
  });

  void test('a hard link to a link is the link, and what is written through it goes nowhere', async () => {
    using room = new UnpackRoom();
    const links = [symlink('l', `${room.canary}/victim`), hardlink('h', 'l')];
    const first = await room.tree(tar(...links));
    assert.match(first.h!, /^120777 .*-> .*victim/);
    assert.match(first.l!, /= h/);
    const tree = await room.tree(tar(...links, file('h', 'mine', { mode: 0o600 })));
    assert.match(tree.l!, /-> .*victim/);
    assert.match(tree.h!, /^100600 /);
  });

  void test('a hard link to itself changes nothing, to a device is the device', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(
        file('f', 'text'),
        hardlink('f', 'f'),
        hardlink('f', './/f'),
        { name: 'n', type: '3', major: 1, minor: 3 },
        hardlink('m', 'n'),
      ),
    );
    assert.match(tree.f!, /size 4/);
    assert.match(tree.n!, /= m/);
  });

  void test('a hard link in the place of what holds its target is refused', async () => {
    using room = new UnpackRoom();
    await room.refuses(tar(directory('d'), file('d/f', 'x'), hardlink('d', 'd/f')), /does not have/);
  });

  void test('writing a name anew leaves its other names alone', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(tar(file('a', 'old'), hardlink('b', 'a'), file('a', 'newer')));
    assert.match(tree.a!, /size 5/);
    assert.match(tree.b!, /size 3/);
  });
});

void describe('entries that fight for a name', () => {
  void test('a directory replaces a file and hides lower layers; the reverse takes all that is below', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(
      tar(file('a', 'x'), directory('a'), file('a/b', 'y'), directory('c/d'), file('c/d/e', 'z'), file('c', 'f')),
    );
    assert.deepEqual(Object.keys(tree), ['', 'a', 'a/b', 'c']);
    assert.match(tree.a!, /trusted.overlay.opaque/);
    assert.match(tree.c!, /^100644 .*size 1/);
  });

  void test('below a file there is nothing', async () => {
    using room = new UnpackRoom();
    await room.refuses(tar(file('a', 'x'), file('a/b')), /below what is not a directory/);
    await room.refuses(tar({ name: 'a', type: '6' }, file('a/b')), /below what is not a directory/);
    await room.refuses(tar({ name: 'a', type: '3', major: 1, minor: 3 }, file('a/b')), /below what is not a directory/);
  });

  void test('a directory that comes twice keeps what is in it', async () => {
    using room = new UnpackRoom();
    const tree = await room.tree(tar(directory('d', { mode: 0o700 }), file('d/f'), directory('d/', { mode: 0o750 })));
    assert.deepEqual(Object.keys(tree), ['', 'd', 'd/f']);
    assert.match(tree.d!, /^40750 .*directory \|  \|  \| $/);
  });
});
