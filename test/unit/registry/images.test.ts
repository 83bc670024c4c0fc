import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { digestOf, type Digest } from '../../../daemon/images/digest.ts';
import { RegistryError } from '../../../daemon/registry/error.ts';
import type { ManifestRow } from '../../../daemon/registry/images.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import { containerRow, documents } from '../engine/rows.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const AT = '2026-01-01T00:00:00.000000000Z';
const TAKE = { now: AT, dangling: true, dropKept: false };

let root: string;
let registry: Registry;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-registry-'));
  registry = Registry.open({ root, migrations: MIGRATIONS });
});
afterEach(() => {
  registry.close();
  rmSync(root, { recursive: true, force: true });
});

/** A manifest of one config and these layers, with the rows of its content. */
function manifestOf(...texts: string[]): ManifestRow {
  const { imageContent, images } = registry;
  const [digest, config] = [digestOf(`manifest ${texts.join()}`), digestOf(`config ${texts.join()}`)];
  const layers = texts.map((text) => ({ blob: digestOf(`blob ${text}`), layer: digestOf(text) }));
  for (const blob of [digest, config, ...layers.map((one) => one.blob)]) imageContent.recordBlob(blob, 10, 'stamp');
  for (const { layer: id } of layers) {
    imageContent.recordLayer({ id, diffId: id, dependsOnLower: false, hidesLower: false, size: 100 }, 'stamp');
  }
  const row = {
    digest,
    mediaType: 'm',
    config,
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
    createdAt: AT,
    layers,
  };
  images.insert(row);
  return row;
}

function tag(name: string, { digest }: ManifestRow): void {
  registry.images.tag({ name, manifest: digest, target: digestOf('index'), isShared: true, taggedAt: AT });
}

test('a manifest comes back as it was, by digest, by id and by name', () => {
  const { images } = registry;
  const row = manifestOf('one', 'two', 'one');
  images.insert(row);
  assert.deepEqual(images.manifest(row.digest), row);
  assert.deepEqual(images.manifests(), [row]);
  const hex = row.config.slice('sha256:'.length);
  assert.deepEqual(images.byId(hex), [row]);
  assert.deepEqual(images.byId(hex.slice(0, 6)), [row]);
  assert.deepEqual(images.byId(hex.slice(1)), []);
  assert.equal(images.manifest('sha256:absent'), undefined);
  tag('b', row);
  tag('a', row);
  const target = digestOf('index');
  const [a, b] = ['a', 'b'].map((name) => ({ name, manifest: row.digest, target, isShared: true, taggedAt: AT }));
  assert.deepEqual(images.get('a'), a);
  assert.deepEqual(images.all(), [a, b]);
  assert.deepEqual(images.namesOf(row.digest), [a, b]);
  assert.deepEqual(registry.imageContent.namesOf(digestOf('blob two')), ['a', 'b']);
  assert.deepEqual(registry.imageContent.namesOf(digestOf('two')), ['a', 'b']);
  assert.deepEqual(registry.imageContent.namesOf(row.config as Digest), ['a', 'b']);
  assert.deepEqual(registry.imageContent.manifests(), [
    { digest: row.digest, mediaType: 'm', config: row.config, layers: row.layers.map(({ blob }) => blob) },
  ]);
});

test('a name moves, and goes; the manifest stays until it is dropped', () => {
  const { images } = registry;
  const [one, two] = [manifestOf('one'), manifestOf('two')];
  tag('name', one);
  tag('name', two);
  assert.deepEqual(images.namesOf(one.digest), []);
  assert.equal(images.drop(two.digest), false);
  assert.equal(images.untag('name'), two.digest);
  assert.equal(images.untag('name'), undefined);
  assert.equal(images.drop(two.digest), true);
  assert.equal(images.drop(two.digest), false);
  assert.deepEqual(images.manifests(), [one]);
});

test('a manifest without its content is refused, with all of it', () => {
  const { images, imageContent } = registry;
  const row = manifestOf('one');
  const broken = { ...row, digest: digestOf('other'), layers: [{ blob: digestOf('absent'), layer: digestOf('one') }] };
  imageContent.recordBlob(digestOf('other'), 1, 'stamp');
  assert.throws(
    () => {
      registry.commit(() => {
        images.insert(broken);
      });
    },
    (error: unknown) => error instanceof RegistryError && error.kind === 'io' && error.message.includes('FOREIGNKEY'),
  );
  assert.equal(images.manifest(broken.digest), undefined);
});

test('an image that a container is made of, or has mounted, is in use until the container is gone', () => {
  const { images, containers, imageContent } = registry;
  const [row, mounted] = [manifestOf('one'), manifestOf('two')];
  const container = containerRow({});
  registry.commit(() => {
    containers.insert(container, documents);
    images.addSnapshot({ container: container.id, role: 'mount', manifest: mounted.digest, image: 'm' });
    images.addSnapshot({ container: container.id, role: 'root', manifest: row.digest, image: 'r' });
  });
  assert.deepEqual(images.usersOf(row.digest), [container.id]);
  assert.deepEqual(
    images.snapshotsOf(container.id).map(({ role, image }) => [role, image]),
    [
      ['root', 'r'],
      ['mount', 'm'],
    ],
  );
  assert.equal(images.drop(row.digest), false);
  assert.deepEqual(imageContent.takeUnreferenced(TAKE), { manifests: [], layers: [], blobs: [] });
  containers.delete(container.id);
  const { manifests, layers, blobs } = imageContent.takeUnreferenced(TAKE);
  assert.deepEqual([manifests.length, layers.length, blobs.length], [2, 2, 6]);
  assert.deepEqual(imageContent.blobs(), []);
});

test('a lease holds what is there and what is to come; what is kept passes to the next with the same purpose', () => {
  const { imageContent } = registry;
  const [there, later] = [digestOf('there'), digestOf('later')];
  imageContent.recordBlob(there, 1, 'stamp');
  imageContent.openLease('l1', 'pull x', AT);
  imageContent.hold('l1', [there, later, there]);
  assert.ok(imageContent.isLeased(later));
  assert.equal(imageContent.deleteBlob(there), false);
  imageContent.recordBlob(later, 1, 'stamp');
  imageContent.keepLease('l1', '2026-01-02T00:00:00.000000000Z');
  assert.deepEqual(imageContent.takeUnreferenced(TAKE).blobs, []);
  imageContent.openLease('l2', 'pull x', AT);
  imageContent.closeLease('l1');
  assert.ok(imageContent.isLeased(there) && imageContent.isLeased(later));
  imageContent.openLease('l3', 'pull y', AT);
  imageContent.closeLease('l3');
  assert.ok(imageContent.isLeased(there));
  imageContent.keepOpenLeases('2026-01-02T00:00:00.000000000Z');
  const afterwards = { ...TAKE, now: '2026-01-02T00:00:00.000000000Z' };
  assert.equal(imageContent.takeUnreferenced(afterwards).blobs.length, 2);
  assert.equal(imageContent.isLeased(there), false);
});

test('kept leases may be dropped before their time, open ones not', () => {
  const { imageContent } = registry;
  for (const [index, text] of ['kept', 'open'].entries()) {
    imageContent.recordBlob(digestOf(text), 1, 'stamp');
    imageContent.openLease(`l${index}`, text, AT);
    imageContent.hold(`l${index}`, [digestOf(text)]);
  }
  imageContent.keepLease('l0', '2099-01-01T00:00:00.000000000Z');
  const { blobs } = imageContent.takeUnreferenced({ ...TAKE, dropKept: true });
  assert.deepEqual(blobs, [{ digest: digestOf('kept'), size: 1, state: 'ready' }]);
  assert.ok(imageContent.isLeased(digestOf('open')));
});

test('what is lost stays known where an image has need of it, and is forgotten where none has', () => {
  const { imageContent } = registry;
  manifestOf('one');
  const [blob, id] = [digestOf('blob one'), digestOf('one')];
  assert.equal(imageContent.forgetBlob(blob), 'missing');
  assert.equal(imageContent.forgetLayer(id), 'missing');
  assert.equal(imageContent.blob(blob)?.state, 'missing');
  assert.equal(imageContent.layer(id)?.state, 'missing');
  imageContent.recordBlob(blob, 11, 'stamp');
  assert.deepEqual(imageContent.blob(blob), { digest: blob, size: 11, state: 'ready' });
  const free = digestOf('free');
  imageContent.recordBlob(free, 1, 'stamp');
  imageContent.recordLayer(
    { id: free, diffId: digestOf('diff'), dependsOnLower: true, hidesLower: true, size: 1 },
    'stamp',
  );
  const row = { id: free, diffId: digestOf('diff'), dependsOnLower: true, hidesLower: true, size: 1, state: 'ready' };
  assert.deepEqual(imageContent.layer(free), row);
  assert.equal(imageContent.forgetBlob(free), 'deleted');
  assert.equal(imageContent.forgetLayer(free), 'deleted');
  assert.equal(imageContent.forgetBlob(free), 'deleted');
});

test('what was written again while it was synced is not taken for synced', () => {
  const { imageContent } = registry;
  const [one, two] = [digestOf('one'), digestOf('two')];
  imageContent.recordBlob(one, 1, 'boot 1');
  imageContent.recordBlob(two, 1, 'boot 2');
  imageContent.recordLayer({ id: one, diffId: one, dependsOnLower: false, hidesLower: false, size: 1 }, 'boot 3');
  const seen = imageContent.unsyncedBlobs();
  const layers = imageContent.unsyncedLayers();
  assert.deepEqual(layers, [{ digest: one, stamp: 'boot 3' }]);
  imageContent.recordBlob(two, 1, 'boot 4');
  imageContent.synced(seen, layers);
  assert.deepEqual(imageContent.unsyncedBlobs(), [{ digest: two, stamp: 'boot 4' }]);
  assert.deepEqual(imageContent.unsyncedLayers(), []);
});
