/** The store under kill -9 at any moment, and on a disk that fills up. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreFixture } from '../unit/images/store-fixture.ts';

const KILLS = 16;
const WORKER = join(import.meta.dirname, 'store-worker.ts');
const FULL_DISK = join(import.meta.dirname, 'store-full-disk.ts');

/** `tagged`: names that are known to be a manifest's; not of those that were being changed when it died. */
async function workAndDie(root: string, tagged: Map<string, string>, milliseconds: number): Promise<void> {
  const worker = spawn(process.execPath, [WORKER, root], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(worker, 'exit');
  const complaints = text(worker.stderr);
  const ready = Promise.withResolvers<boolean>();
  const lines = createInterface({ input: worker.stdout });
  const read = once(lines, 'close').then(() => ready.resolve(false));
  lines.on('line', (line) => {
    const [verb, name = '', manifest = ''] = line.split(' ');
    if (verb === 'ready') ready.resolve(true);
    else if (verb === 'tagged') tagged.set(name, manifest);
    else tagged.delete(name);
  });
  const isReady = await ready.promise;
  if (isReady) await sleep(milliseconds);
  worker.kill('SIGKILL');
  const [code, signal] = (await exited) as [number | null, string | null];
  await read;
  assert.deepEqual([isReady, code, signal], [true, null, 'SIGKILL'], await complaints);
}

/** What the daemon does when it starts after such an end. */
async function assertSound(root: string, tagged: ReadonlyMap<string, string>, what: string): Promise<void> {
  const fixture = new StoreFixture(root);
  try {
    const { store, registry } = fixture;
    const damage = (await store.check()).filter(({ severity }) => severity === 'damage');
    assert.deepEqual(damage, [], what);
    await store.recover();
    await store.collect({ dangling: true, dropKept: true });
    assert.deepEqual(await store.check(), [], what);
    for (const [name, manifest] of tagged) {
      assert.equal(registry.images.get(name)?.manifest, manifest, `${what}: ${name}`);
      const layers = registry.images.manifest(manifest)?.layers ?? [];
      for (const { layer } of layers)
        assert.ok(
          store.layers.list().some(({ id }) => id === layer),
          what,
        );
    }
  } finally {
    await fixture.store.close();
    fixture.registry.close();
  }
  assert.deepEqual(fixture.troubles, [], what);
}

test('killed at any moment of ingest, commit and collection, the store is sound, and no image is lost', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tare-store-'));
  const tagged = new Map<string, string>();
  let committed = 0;
  try {
    for (let kill = 1; kill <= KILLS; kill++) {
      const milliseconds = randomInt(250);
      await workAndDie(root, tagged, milliseconds);
      committed += tagged.size;
      await assertSound(root, tagged, `kill ${kill}, ${milliseconds} ms after the start`);
      await readNames(root, tagged);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  assert.ok(committed > 0);
});

/** What the names are by now: also of those that were being changed. */
async function readNames(root: string, tagged: Map<string, string>): Promise<void> {
  const fixture = new StoreFixture(root);
  tagged.clear();
  for (const { name, manifest } of fixture.registry.images.all()) tagged.set(name, manifest);
  await fixture.store.close();
  fixture.registry.close();
}

test('on a full disk a pull is refused as that, the space is given back, and what was there stays', async () => {
  // a small file system in a mount namespace of its own, which goes with its process
  const script = 'mount -t tmpfs -o size=8m,mode=700 store "$1" && exec "$2" "$3" "$1"';
  const root = mkdtempSync(join(tmpdir(), 'tare-store-'));
  const options = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', root, process.execPath, FULL_DISK];
  try {
    const child = spawn('unshare', options, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await once(child, 'exit')) as [number | null];
    const [output, complaints] = await said;
    assert.deepEqual({ code, output, complaints }, { code: 0, output: 'sound\n', complaints: '' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
