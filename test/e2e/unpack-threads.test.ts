/** Unpacking on threads: turns, aborts, failures and full disks leave nothing, and memory is bounded. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { build } from 'esbuild';
import { ImageError } from '../../daemon/images/errors.ts';
import { UnpackFailure, Unpacker } from '../../daemon/images/unpack/unpacker.ts';
import { END, directory, file, hardlink, header, member, symlink, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

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

void describe('threads', () => {
  const archive = tar(directory('d'), file('d/f', 'x'.repeat(100_000)));

  void test('many layers at once, from files and streams, each its own result; descriptors are given back', async () => {
    const path = join(room, 'archive');
    writeFileSync(path, archive);
    const own = new Unpacker({ threads: 2 });
    const before = readdirSync('/proc/self/fd').length;
    const layers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        own
          .unpackLayer({
            source: index % 2 === 0 ? path : Readable.from([archive.subarray(0, 700), archive.subarray(700)]),
            ...{
              compression: 'none' as const,
              directory: fresh(),
              limits: { size: archive.length - (index === 5 ? 1 : 0) },
            },
          })
          .catch((error: unknown) => error),
      ),
    );
    for (const [index, layer] of layers.entries()) {
      if (index === 5) assert.ok(layer instanceof ImageError && layer.code === 'too_large');
      else assert.partialDeepStrictEqual(layer, { size: archive.length, entries: 2 });
    }
    await own.close();
    await until('descriptors are closed', () => readdirSync('/proc/self/fd').length <= before);
    await assert.rejects(own.unpackLayer({ source: path, compression: 'none', directory: fresh() }), {
      name: 'AbortError',
    });
    rmSync(path);
  });

  void test('an abort ends a job that waits for bytes, for its turn or has not begun; progress is told', async () => {
    const own = new Unpacker({ threads: 1 });
    const abort = new AbortController();
    const waiting = new AbortController();
    const [one, two] = [fresh(), fresh()];
    let progressed = 0;
    const first = own.unpackLayer({
      source: Readable.from(
        (async function* () {
          yield header(file('f', '', { size: 1e9 }));
          while (progressed < 2) {
            yield Buffer.alloc(512);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          abort.abort(new Error('enough'));
          await new Promise(() => undefined);
        })(),
      ),
      ...{ compression: 'none' as const, directory: one, signal: abort.signal },
      progress: ({ size, entries }) => {
        assert.ok(size > 0 && entries === 1);
        progressed++;
      },
    });
    const second = own.unpackLayer({
      source: Readable.from([archive]),
      compression: 'none',
      directory: two,
      signal: waiting.signal,
    });
    waiting.abort(new Error('no more'));
    await assert.rejects(second, /no more/);
    await assert.rejects(first, /enough/);
    await assert.rejects(
      own.unpackLayer({ source: '/nowhere', compression: 'none', directory: one, signal: abort.signal }),
      /enough/,
    );
    // The same thread takes the next one.
    await own.unpackLayer({ source: Readable.from([archive]), compression: 'none', directory: two });
    assert.ok(!readdirSync(room).includes(one.slice(room.length + 1)));
    await own.close();
  });

  void test('a source that fails, is not there or ends early leaves nothing', async () => {
    const path = fresh();
    const failing = Readable.from(
      (async function* () {
        yield archive.subarray(0, 5000);
        await Promise.resolve();
        throw new Error('connection lost');
      })(),
    );
    const job = { compression: 'none', directory: path } as const;
    await assert.rejects(unpacker.unpackLayer({ ...job, source: failing }), /connection lost/);
    await assert.rejects(
      unpacker.unpackLayer({ ...job, source: join(room, 'absent') }),
      (error) => error instanceof UnpackFailure && error.message.includes('ENOENT'),
    );
    await assert.rejects(
      unpacker.unpackLayer({ ...job, source: Readable.from([archive.subarray(0, 5000)]) }),
      /cut off/,
    );
    assert.ok(!readdirSync(room).includes(path.slice(room.length + 1)));
    // What is there already is not ours.
    mkdirSync(path);
    writeFileSync(join(path, 'mine'), '');
    await assert.rejects(unpacker.unpackLayer({ ...job, source: Readable.from([archive]) }), { code: 'EEXIST' });
    assert.deepEqual(readdirSync(path), ['mine']);
  });

  void test('closing ends what is under way and cleans up', async () => {
    const own = new Unpacker({ threads: 1 });
    const path = fresh();
    const stalled = new Readable({ read: () => undefined });
    stalled.push(archive.subarray(0, 5000));
    const job = own.unpackLayer({ source: stalled, compression: 'gzip', directory: path });
    const refusal = assert.rejects(job);
    await until('it has begun', () => readdirSync(room).includes(path.slice(room.length + 1)));
    await own.close();
    await refusal;
    assert.ok(!readdirSync(room).includes(path.slice(room.length + 1)));
    assert.ok(stalled.destroyed);
  });

  void test('half a million entries take no memory', async () => {
    const entries = Buffer.concat([
      ...Array.from({ length: 900 }, (_, index) => member(file(`.wh..wh.aufs/${String(index)}`, 'x'))),
      ...Array.from({ length: 50 }, (_, index) => member(hardlink(`h${String(index)}`, 'f'))),
      ...Array.from({ length: 50 }, () => member(directory('d', { uid: 5 }))),
    ]);
    const source = Readable.from(
      (function* () {
        yield member(file('f', 'x'));
        for (let round = 0; round < 500; round++) yield entries;
        yield END;
      })(),
    );
    const before = process.memoryUsage().rss;
    const layer = await unpacker.unpackLayer({ source, compression: 'none', directory: fresh() });
    assert.equal(layer.entries, 500_001);
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    assert.ok(grown < 200, `${String(grown)} MiB more`);
  });

  void test('one that has died is told, what it made is removed, and the next job has another', async () => {
    const own = new Unpacker({ threads: 1, heapMb: 16 });
    const path = fresh();
    // Directories without an entry are what a thread keeps in its heap.
    const source = Readable.from(
      (function* () {
        for (let at = 0; at < 40_000; at++)
          yield member(file(`${'x'.repeat(90)}${String(at % 100)}/${'y'.repeat(200)}${String(at)}/f`));
      })(),
    );
    await assert.rejects(own.unpackLayer({ source, compression: 'none', directory: path }), UnpackFailure);
    await own.unpackLayer({ source: Readable.from([archive]), compression: 'none', directory: path });
    assert.deepEqual(readdirSync(path), ['d']);
    await own.close();
  });

  void test('the bundle finds its thread beside it', async () => {
    const out = mkdtempSync(join(top, 'build/unpack-'));
    try {
      await build({
        ...{ bundle: true, platform: 'node', format: 'esm', external: ['koffi'], logLevel: 'warning' },
        entryPoints: [join(top, 'daemon/images/unpack/unpacker.ts')],
        outfile: join(out, 'unpacker.mjs'),
      });
      copyFileSync(join(top, 'dist/unpack-worker.mjs'), join(out, 'unpack-worker.mjs'));
      const bundle = (await import(join(out, 'unpacker.mjs'))) as { Unpacker: typeof Unpacker };
      const own = new bundle.Unpacker();
      const layer = await own.unpackLayer({
        source: Readable.from([archive]),
        compression: 'none',
        directory: fresh(),
        sync: true,
      });
      assert.equal(layer.entries, 2);
      await own.close();
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});

void test('a full disk is told as one, and given back', () => {
  const mount = fresh();
  mkdirSync(mount);
  const archive = fresh();
  writeFileSync(archive, tar(symlink('l', 'x'), file('big', 'x'.repeat(3_000_000))));
  const program = `
    const { Unpacker } = await import(${JSON.stringify(join(top, 'daemon/images/unpack/unpacker.ts'))});
    const { readdirSync } = await import("node:fs");
    const unpacker = new Unpacker();
    const error = await unpacker.unpackLayer({ source: ${JSON.stringify(archive)}, compression: "none", directory: ${JSON.stringify(join(mount, 'layer'))} }).catch((error) => error);
    process.stdout.write(JSON.stringify([error.code, error.message, readdirSync(${JSON.stringify(mount)})]));
    await unpacker.close();`;
  const script = `mount -t tmpfs -o size=1m tmpfs '${mount}' && exec "$0" --input-type=module -e '${program}'`;
  const said = execFileSync('unshare', ['-m', 'sh', '-c', script, process.execPath], { encoding: 'utf8' });
  const [code, message, left] = JSON.parse(said) as [string, string, string[]];
  assert.equal(code, 'disk_full');
  assert.match(message, /no space is left to unpack the layer's "big"/);
  assert.deepEqual(left, []);
});
