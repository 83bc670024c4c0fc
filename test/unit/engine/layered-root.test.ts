/** Looking into the root that layers make together, as overlayfs would show it, without a mount. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LayeredRoot } from '../../../daemon/engine/from-image/layered-root.ts';
import { openAt } from '../../../native-bindings/directory-entries.ts';
import { setXattr } from '../../../native-bindings/xattr.ts';
import { DIRECTORY } from '../../../daemon/images/unpack/remove-tree.ts';
import { resolveUser } from '../../../daemon/runtime/spec/users.ts';

/** One layer: text makes a file, `{ to }` a link, null a whiteout, "opaque" a directory that hides. */
type Layer = Readonly<Record<string, string | { readonly to: string } | { readonly is: 'opaque' | 'fifo' } | null>>;

/** The topmost first. */
function layersOf(t: TestContext, ...layers: readonly Layer[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'tare-layers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return layers.map((layer, index) => {
    const root = join(folder, String(index));
    mkdirSync(root);
    for (const [path, what] of Object.entries(layer)) put(join(root, path), what);
    return root;
  });
}

function put(path: string, what: Layer[string]): void {
  mkdirSync(dirname(path), { recursive: true });
  if (what === null) execFileSync('mknod', [path, 'c', '0', '0']);
  else if (typeof what === 'string') writeFileSync(path, what);
  else if ('to' in what) symlinkSync(what.to, path);
  else if (what.is === 'fifo') execFileSync('mkfifo', [path]);
  else {
    mkdirSync(path, { recursive: true });
    setXattr(openAt(-100, path, DIRECTORY), 'trusted.overlay.opaque', Buffer.from('y'));
  }
}

function read(layers: readonly string[], path: string): string | undefined {
  const root = new LayeredRoot(layers);
  try {
    return root.read(path, 100)?.toString();
  } finally {
    root.close();
  }
}

test('the topmost layer that says something counts; a whiteout and an opaque directory hide what is below', (t) => {
  const layers = layersOf(
    t,
    { 'a/top': 'top', 'a/both': 'top', 'a/gone': null, shut: { is: 'opaque' }, file: 'now a file' },
    { 'a/both': 'below', 'a/gone': 'below', 'shut/in': 'below', 'file/in': 'below', was: 'a file' },
    { 'a/lowest': 'lowest', 'shut/lowest': 'lowest', 'was/a': 'directory' },
  );
  const seen = ['a/top', '/a/both', 'a/lowest', 'a/gone', 'shut/in', 'shut/lowest', 'file', 'file/in', 'was', 'was/a'];
  assert.deepEqual(
    seen.map((path) => read(layers, path)),
    ['top', 'top', 'lowest', undefined, undefined, undefined, 'now a file', undefined, 'a file', undefined],
  );
});

test('links are walked through all layers and end inside the root', (t) => {
  const layers = layersOf(
    t,
    { 'etc/passwd': { to: '/../../../../real' }, up: { to: '../../../dir/file' }, loop: { to: 'loop' } },
    { real: 'inside', 'dir/file': 'found', way: { to: 'dir' }, far: { to: '/etc/hostname' } },
  );
  assert.equal(read(layers, '/etc/passwd'), 'inside');
  assert.equal(read(layers, 'up'), 'found');
  assert.equal(read(layers, 'way/file'), 'found');
  assert.equal(read(layers, 'way/../dir/./file'), 'found');
  assert.equal(read(layers, 'far'), undefined);
  assert.throws(() => read(layers, 'loop'), /too many symbolic links/);
});

test('what an image can make it do is bounded', (t) => {
  const chain: Record<string, { to: string }> = { end: { to: 'd/../'.repeat(800) + 'nothing' } };
  for (let link = 0; link < 39; link++)
    chain[`l${link}`] = { to: 'd/../'.repeat(800) + (link === 38 ? 'end' : `l${link + 1}`) };
  const layers = layersOf(
    t,
    { ...chain, 'd/x': '' },
    { 'd/x': '', pipe: { is: 'fifo' }, large: 'x'.repeat(101), 'dir/x': '' },
  );
  assert.throws(() => read(layers, 'l0'), /symbolic links|on the way/);
  for (const [path, why] of [
    ['pipe', /not a regular file/],
    ['large', /larger than 100 bytes/],
    ['dir', /not a regular file/],
  ] as const) {
    assert.throws(() => read(layers, path), why);
  }
  const before = readdirSync('/proc/self/fd').length;
  assert.equal(read(layers, 'd/x'), '');
  assert.equal(readdirSync('/proc/self/fd').length, before, 'nothing is left open');
});

test('users are looked up in it', (t) => {
  const layers = layersOf(
    t,
    { 'etc/group': 'staff:x:50:carol\n' },
    { 'etc/passwd': 'carol:x:77:78::/c:\n1000:x:5:5::/:\n', 'etc/group': 'old:x:9:carol\n' },
  );
  const root = new LayeredRoot(layers);
  t.after(() => root.close());
  const { uid, gid, additionalGids, home } = resolveUser({ root, user: 'carol' });
  assert.deepEqual([uid, gid, additionalGids, home], [77, 78, [50], '/c']);
  assert.equal(resolveUser({ root, user: '1000' }).uid, 1000);
  assert.throws(() => resolveUser({ root, user: '4294967296' }), /not an id/);
});
