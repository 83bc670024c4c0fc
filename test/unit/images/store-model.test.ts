/** A model of the store against random sequences of what is done with one. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf, type Digest } from '../../../daemon/images/digest.ts';
import type { Lease } from '../../../daemon/images/store/lease.ts';
import { containerRow, documents } from '../engine/rows.ts';
import { type Image, imageRow, putImage, StoreFixture } from './store-fixture.ts';

const NAMES = ['a', 'b', 'c'];
/** Images that share layers with each other, and one that is a beginning of another. */
const IMAGES = [['base'], ['base', 'one'], ['base', 'one', 'two'], ['other', 'two'], []];

type Step =
  | { readonly do: 'pull'; readonly image: number; readonly name: string }
  | { readonly do: 'fail'; readonly image: number }
  | { readonly do: 'untag'; readonly name: string }
  | { readonly do: 'run'; readonly name: string }
  | { readonly do: 'remove' }
  | { readonly do: 'collect'; readonly dangling: boolean; readonly dropKept: boolean }
  | { readonly do: 'restart' };

const name = fc.constantFrom(...NAMES);
const image = fc.nat(IMAGES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pull' as const), image, name }) },
  fc.record({ do: fc.constant('fail' as const), image }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('untag' as const), name }) },
  fc.record({ do: fc.constant('run' as const), name }),
  fc.record({ do: fc.constant('remove' as const) }),
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('collect' as const), dangling: fc.boolean(), dropKept: fc.boolean() }),
  },
  fc.record({ do: fc.constant('restart' as const) }),
);

/** What should be there. */
class Model {
  readonly names = new Map<string, Image>();
  readonly manifests = new Map<Digest, Image>();
  /** Id of a container → its image. */
  readonly containers = new Map<string, Image>();
  /** What failed pulls left, by purpose. */
  readonly kept = new Map<string, Image>();
  readonly blobs = new Set<Digest>();
  readonly layers = new Set<Digest>();

  add(found: Image): void {
    for (const digest of blobsOf(found)) this.blobs.add(digest);
    for (const { layer } of found.layers) this.layers.add(layer);
    this.manifests.set(found.manifest, found);
  }

  collect(dangling: boolean, dropKept: boolean): void {
    if (dropKept) this.kept.clear();
    const used = [...this.names.values(), ...this.containers.values(), ...this.kept.values()];
    if (dangling) {
      const inUse = new Set(used.map(({ manifest }) => manifest));
      for (const manifest of this.manifests.keys()) if (!inUse.has(manifest)) this.manifests.delete(manifest);
    }
    const there = [...this.manifests.values(), ...this.kept.values()];
    const blobs = new Set(there.flatMap(blobsOf));
    const layers = new Set(there.flatMap((one) => one.layers.map(({ layer }) => layer)));
    for (const digest of this.blobs) if (!blobs.has(digest)) this.blobs.delete(digest);
    for (const layer of this.layers) if (!layers.has(layer)) this.layers.delete(layer);
  }
}

function blobsOf({ manifest, config, layers }: Image): Digest[] {
  return [manifest, config, ...layers.map(({ blob }) => blob)];
}

async function pull(
  fixture: StoreFixture,
  model: Model,
  texts: readonly string[],
  end: (lease: Lease, found: Image) => void,
) {
  const lease = fixture.store.lease(`pull ${texts.join(' ')}`);
  const found = await putImage(fixture, lease, texts);
  model.add(found);
  // a new lease with the same purpose took over what was kept
  model.kept.delete(lease.purpose);
  end(lease, found);
}

async function take(fixture: StoreFixture, model: Model, next: Step): Promise<void> {
  switch (next.do) {
    case 'pull':
      await pull(fixture, model, IMAGES[next.image]!, (lease, found) => {
        fixture.registry.images.tag(imageRow(next.name, found.manifest));
        model.names.set(next.name, found);
        lease.release();
      });
      break;
    case 'fail':
      await pull(fixture, model, IMAGES[next.image]!, (lease, found) => {
        model.kept.set(lease.purpose, found);
        lease.keep();
      });
      break;
    case 'untag':
      assert.equal(fixture.registry.images.untag(next.name), model.names.get(next.name)?.manifest);
      model.names.delete(next.name);
      break;
    case 'run':
      run(fixture, model, next.name);
      break;
    case 'remove': {
      const [container] = model.containers.keys();
      if (container === undefined) break;
      fixture.registry.containers.delete(container);
      model.containers.delete(container);
      break;
    }
    case 'collect': {
      const { dangling, dropKept } = next;
      await fixture.store.collect({ dangling, dropKept });
      model.collect(dangling, dropKept);
      break;
    }
    case 'restart':
      await fixture.restart();
      await fixture.store.recover();
      break;
  }
}

function run({ registry }: StoreFixture, model: Model, used: string): void {
  const found = model.names.get(used);
  if (found === undefined) return;
  const row = containerRow({});
  registry.commit(() => {
    registry.containers.insert(row, documents);
    registry.images.addSnapshot({ container: row.id, role: 'root', manifest: found.manifest, image: used });
  });
  model.containers.set(row.id, found);
}

async function compare({ store, registry, places }: StoreFixture, model: Model): Promise<void> {
  const { images } = registry;
  assert.deepEqual(
    images.all().map(({ name: tag, manifest }) => [tag, manifest]),
    [...model.names].map(([tag, { manifest }]) => [tag, manifest]).sort(),
  );
  assert.deepEqual(
    images
      .manifests()
      .map(({ digest }) => digest)
      .sort(),
    [...model.manifests.keys()].sort(),
  );
  for (const found of model.manifests.values()) assert.deepEqual(images.manifest(found.manifest), found.row);
  assert.deepEqual(
    store.contents.list().map(({ digest }) => digest),
    [...model.blobs].sort(),
  );
  assert.deepEqual(
    store.layers.list().map(({ id }) => id),
    [...model.layers].sort(),
  );
  assert.deepEqual(
    readdirSync(join(places.blobs, 'sha256')).sort(),
    [...model.blobs].map((digest) => digest.slice('sha256:'.length)).sort(),
  );
  assert.deepEqual(
    readdirSync(places.layers).sort(),
    [...model.layers].map((layer) => layer.slice('sha256:'.length)).sort(),
  );
  assert.deepEqual(await store.check(), []);
}

test('whatever is done, the store has what it should have and nothing else', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
    const fixture = new StoreFixture();
    const model = new Model();
    try {
      for (const next of steps) {
        await take(fixture, model, next);
        await fixture.store.close();
        await compare(fixture, model);
      }
      assert.deepEqual(fixture.troubles, []);
    } finally {
      await fixture.remove();
    }
  });
  await fc.assert(property, { numRuns: 25 });
});

test('pulls and collections beside each other: what was tagged is whole', async () => {
  const fixture = new StoreFixture();
  const { store, registry } = fixture;
  const pulls = Array.from({ length: 12 }, async (_, index) => {
    const lease = store.lease(`pull ${index}`);
    const found = await putImage(fixture, lease, ['base', `own ${index % 4}`, 'top']);
    registry.images.tag(imageRow(`image-${index}`, found.manifest));
    lease.release();
    if (index % 3 !== 0) return undefined;
    registry.images.untag(`image-${index}`);
    await store.collect({ dangling: true });
    return undefined;
  });
  const collections = Array.from({ length: 12 }, () => store.collect({ dangling: true }));
  await Promise.all([...pulls, ...collections]);
  assert.equal(registry.images.all().length, 8);
  assert.deepEqual(await store.check(), []);
  for (const { name: tag } of registry.images.all()) registry.images.untag(tag);
  const { size } = await store.collect({ dangling: true });
  assert.ok(size > 0);
  assert.deepEqual(store.contents.list(), []);
  assert.deepEqual(store.layers.list(), []);
  assert.deepEqual(await store.check(), []);
  assert.deepEqual(fixture.troubles, []);
  assert.equal(store.contents.has(digestOf('base')), false);
  await fixture.remove();
});
