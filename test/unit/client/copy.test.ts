import assert from 'node:assert/strict';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ArchiveUnpacking, targetOf } from '../../../client/copy/from-container.ts';
import { packFile, packTree } from '../../../client/copy/pack.ts';
import { meansContents, nameOf, parsePlace } from '../../../client/copy/place.ts';
import { localSource } from '../../../client/copy/to-container.ts';
import { CliError } from '../../../client/errors.ts';
import { directory, tar, type Member } from '../../harness/tar.ts';

const SILENT = { counted: () => undefined, skipped: () => undefined };

describe('the sides of cp', () => {
  it('are a stream, a path or a path in a container', () => {
    assert.deepEqual(parsePlace('-'), { kind: 'stream' });
    assert.deepEqual(parsePlace('web:/etc/x:y'), { kind: 'container', ref: 'web', path: '/etc/x:y' });
    assert.deepEqual(parsePlace('web:etc'), { kind: 'container', ref: 'web', path: 'etc' });
    for (const path of ['./a:b', '/a:b', 'plain', '../a:b', ':x'])
      assert.deepEqual(parsePlace(path), { kind: 'local', path });
    assert.throws(() => parsePlace('web:'), /names no path/);
  });

  it('mean a directory or what is in it', () => {
    for (const path of ['/', 'a/.', '/a/./', '.', '..']) assert.equal(meansContents(path), true, path);
    for (const path of ['/a', 'a/', '/a/b.', '.a']) assert.equal(meansContents(path), false, path);
    assert.equal(nameOf('/etc/'), 'etc');
  });
});

describe('copies', () => {
  let folder: string;
  const path = (...parts: string[]): string => join(folder, ...parts);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-copy-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function unpack(target: { directory: string; name: string }, archive: Uint8Array, piece = 700): void {
    const unpacking = new ArchiveUnpacking({ ...target, keepOwners: false, tally: SILENT });
    try {
      for (let at = 0; at < archive.length; at += piece) unpacking.push(Buffer.from(archive.subarray(at, at + piece)));
      unpacking.finish();
    } finally {
      unpacking.close();
    }
  }

  const packed = (from: string, name: string): Buffer =>
    Buffer.concat([...packTree({ path: from, name, tally: SILENT })].map((piece) => Buffer.from(piece)));

  it('of a lone file say ahead how long they are', () => {
    for (const size of [0, 1, 512, 256 * 1024 - 512, 300_000]) {
      const from = path(`lone${String(size)}`);
      writeFileSync(from, Buffer.alloc(size, 'x'));
      // a long name takes a header more
      for (const name of ['short', 'long/'.repeat(60) + 'name']) {
        const file = packFile({ path: from, name, tally: SILENT });
        const bytes = Buffer.concat([...(file?.pieces ?? [])].map((piece) => Buffer.from(piece)));
        assert.equal(file?.length, bytes.length);
        assert.ok(bytes.equals(packed(from, name)));
      }
    }
    symlinkSync('lone0', path('link'));
    for (const other of [folder, path('link')])
      assert.equal(packFile({ path: other, name: 'x', tally: SILENT }), undefined);
    assert.throws(() => packFile({ path: path('none'), name: 'x', tally: SILENT }), CliError);
  });

  it('go where docker puts them', () => {
    mkdirSync(path('there'));
    writeFileSync(path('file'), '');
    const here = { directory: folder };
    assert.deepEqual(targetOf('/etc/passwd', 'file', path('new')), { ...here, name: 'new' });
    assert.deepEqual(targetOf('/etc/passwd', 'file', path('file')), { ...here, name: 'file' });
    assert.deepEqual(targetOf('/etc/passwd', 'file', path('there')), { directory: path('there'), name: 'passwd' });
    assert.deepEqual(targetOf('/etc', 'directory', path('new')), { ...here, name: 'new' });
    assert.deepEqual(targetOf('/etc', 'directory', path('there')), { directory: path('there'), name: 'etc' });
    assert.deepEqual(targetOf('/etc/.', 'directory', path('there')), { directory: path('there'), name: '' });
    assert.deepEqual(targetOf('/etc/.', 'directory', path('new')), { ...here, name: 'new' });
    assert.throws(() => targetOf('/etc', 'directory', path('file')), /cannot copy a directory onto/);
    assert.throws(() => targetOf('/etc/passwd', 'file', `${path('new')}/`), /is not there/);
    assert.throws(() => targetOf('/etc/passwd', 'file', `${path('file')}/`), /is no directory/);
    assert.throws(() => targetOf('/etc/passwd', 'file', path('no', 'where')), /is no directory/);
  });

  it('keep files, links, modes and times of a tree', () => {
    mkdirSync(path('tree/sub'), { recursive: true, mode: 0o755 });
    writeFileSync(path('tree/sub/file'), Buffer.alloc(3_000_000, 'x'), { mode: 0o640 });
    writeFileSync(path('tree/empty'), '');
    linkSync(path('tree/sub/file'), path('tree/twin'));
    symlinkSync('/nowhere', path('tree/link'));
    const long = `${'n'.repeat(200)}-ü`;
    writeFileSync(path('tree', long), 'long');
    utimesSync(path('tree/sub/file'), 1_000_000_000.25, 1_000_000_000.25);
    utimesSync(path('tree/sub'), 999, 999);
    unpack({ directory: folder, name: 'copy' }, packed(path('tree'), 'whatever'), 65_536);
    assert.deepEqual(readdirSync(path('copy')).sort(), ['empty', 'link', long, 'sub', 'twin'].sort());
    assert.equal(readFileSync(path('copy/sub/file')).equals(readFileSync(path('tree/sub/file'))), true);
    assert.equal(readlinkSync(path('copy/link')), '/nowhere');
    assert.equal(statSync(path('copy/twin')).ino, statSync(path('copy/sub/file')).ino);
    const stat = statSync(path('copy/sub/file'));
    assert.deepEqual([stat.mode & 0o7777, stat.mtimeMs], [0o640, 1_000_000_000_250]);
    assert.equal(statSync(path('copy/sub')).mtimeMs, 999_000);
  });

  it('of what is in a directory leave the directory itself as it is', () => {
    mkdirSync(path('tree'));
    writeFileSync(path('tree/a'), 'a');
    // A whole second needs no extended header.
    utimesSync(path('tree/a'), 1, 1);
    mkdirSync(path('there'), { mode: 0o700 });
    unpack(
      { directory: path('there'), name: '' },
      tar(directory('tree', { mode: 0o777 }), { name: 'tree/a', data: 'a' }),
    );
    assert.deepEqual([readdirSync(path('there')), statSync(path('there')).mode & 0o777], [['a'], 0o700]);
    assert.equal(packed(path('tree'), '').toString('latin1', 0, 2), 'a\0');
  });

  it('never leave the place they go to', () => {
    mkdirSync(path('outside'));
    mkdirSync(path('inside'));
    writeFileSync(path('outside/canary'), 'alive');
    const into = { directory: path('inside'), name: 'x' };
    const attacks: readonly (readonly Member[])[] = [
      [{ name: '../outside/canary', data: 'dead' }],
      [{ name: 'x/../../outside/canary', data: 'dead' }],
      [{ name: `${path('outside')}/canary`, data: 'dead' }],
      [directory('x'), { name: 'x/l', type: '2', target: path('outside') }, { name: 'x/l/canary', data: 'dead' }],
      [directory('x'), { name: 'x/l', type: '2', target: '../../outside' }, directory('x/l/new')],
      [directory('x'), { name: 'x/l', type: '1', target: '../../outside/canary' }, { name: 'x/l', data: 'dead' }],
      [
        { name: 'x', type: '2', target: path('outside') },
        { name: 'x/canary', data: 'dead' },
      ],
    ];
    for (const members of attacks) {
      assert.throws(() => unpack(into, tar(...members)), CliError);
      assert.equal(readFileSync(path('outside/canary'), 'utf8'), 'alive');
      assert.deepEqual(readdirSync(path('outside')), ['canary']);
      rmSync(path('inside/x'), { recursive: true, force: true });
    }
  });

  it('replace files and links, and no directory by a file', () => {
    mkdirSync(path('outside'));
    mkdirSync(path('inside/d'), { recursive: true });
    writeFileSync(path('outside/canary'), 'alive');
    symlinkSync(path('outside/canary'), path('inside/f'));
    unpack({ directory: path('inside'), name: 'f' }, tar({ name: 'f', data: 'new' }));
    assert.equal(lstatSync(path('inside/f')).isFile(), true);
    assert.equal(readFileSync(path('outside/canary'), 'utf8'), 'alive');
    assert.throws(
      () => unpack({ directory: path('inside'), name: 'd' }, tar({ name: 'f', data: 'new' })),
      /directory is in its place/,
    );
    assert.throws(() => unpack({ directory: path('inside'), name: 'f' }, tar(directory('d'))), CliError);
    assert.throws(
      () =>
        unpack({ directory: path('inside'), name: 'g' }, tar({ name: 'g', data: 'x'.repeat(2000) }).subarray(0, 1024)),
      /cut off/,
    );
  });

  it('follow a link of this machine only where they are told to', () => {
    mkdirSync(path('tree'));
    symlinkSync('tree', path('link'));
    assert.equal(localSource(path('link'), false).isDirectory, false);
    assert.deepEqual(localSource(path('link'), true), {
      path: path('tree'),
      isDirectory: true,
      name: 'link',
      contents: false,
    });
    assert.equal(localSource(`${path('link')}/`, false).path, path('tree'));
    assert.equal(localSource(`${path('tree')}/.`, false).contents, true);
    assert.throws(() => localSource(path('absent'), false), /it is not there/);
  });
});
