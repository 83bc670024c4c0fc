/**
 * Archives of images go from tare to docker, podman and skopeo and back, and everybody unpacks the same of them: an
 * image of our own with all that layers may have, and one of ten layers that umoci made.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TestDaemon } from '../harness/daemon.ts';
import { skopeo } from '../harness/debian-registry.ts';
import { loadFrom, saveFrom } from '../harness/images.ts';
import { treeOf, type Tree } from '../harness/tree.ts';
import { ownImage, umociImage, type Archived } from './archived-image.ts';
import { Dockerd } from './dockerd.ts';
import { IMAGE } from './image.ts';
import { Podman } from './podman.ts';
import { assertPeers, dockerTree, tareTree, treeIn } from './trees.ts';

const OWN = 'tare.test/odd:1';
const UMOCI = 'tare.test/umoci:10';
const FORMATS = ['docker-archive', 'oci-archive'] as const;

/** Has both images from the start. */
let tare: TestDaemon;
let folder: string;
let both: readonly Archived[];
/** As umoci unpacked it. */
let umociTree: Tree;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tare-archives-'));
  const { image, rootfs } = await umociImage(join(folder, 'umoci'), UMOCI);
  both = [ownImage(OWN), image];
  umociTree = treeOf(rootfs);
  tare = await TestDaemon.open();
  for (const { archive } of both) await loaded(tare, archive);
});
after(async () => {
  await tare.close();
  rmSync(folder, { recursive: true });
});

async function loaded(daemon: TestDaemon, archive: Buffer): Promise<{ id: string; names: readonly string[] }[]> {
  const { status, body } = await loadFrom(daemon, archive);
  assert.equal(status, 200, JSON.stringify(body));
  return body.images.map(({ id, names }) => ({ id, names }));
}

/** Gives the path of the archive. */
async function save(into: string, images: readonly string[], format: (typeof FORMATS)[number]): Promise<string> {
  const path = join(into, `saved-${format}.tar`);
  writeFileSync(path, await saveFrom(tare, images, format));
  return path;
}

/** Into an empty store. */
async function fresh<T>(work: (daemon: TestDaemon) => Promise<T>): Promise<T> {
  const daemon = await TestDaemon.open();
  try {
    return await work(daemon);
  } finally {
    await daemon.close();
  }
}

describe('docker', () => {
  let docker: Dockerd;
  before(async () => {
    docker = await Dockerd.open();
  });
  after(() => docker.close());

  test('before it is compared: what tare unpacks is what the layers say', async () => {
    assert.deepEqual(await tareTree(docker.room, tare, UMOCI), umociTree);
    const own = await tareTree(docker.room, tare, OWN);
    assert.match(own['odd/attributes'] ?? '', /user\.colour=/);
    assert.equal(own['odd/gone'], undefined);
    assert.match(own[''] ?? '', /^40755 0:0 .* 1600000000000000000 /);
  });

  test('loads what tare saves, unpacks the same, and tare what docker saves', async () => {
    const expected = new Map<string, Tree>();
    for (const { name, id, undescribed } of both) {
      const path = await save(docker.room.folder, [name], 'docker-archive');
      assert.match(await docker.must('load', '--input', path), new RegExp(`^Loaded image: ${name}$`, 'm'));
      assert.equal(await docker.must('inspect', '--format', '{{.Id}}', name), id);
      const data = await docker.must('inspect', '--format', '{{json .GraphDriver.Data}}', name);
      const tree = await tareTree(docker.room, tare, name);
      assertPeers(await dockerTree(docker.room, data), tree, undescribed);
      expected.set(name, tree);
    }
    // Two images with layers in common: docker before version 25 writes links for the second's.
    await docker.must('create', '--name', 'more', OWN);
    await docker.must('commit', '--change', 'USER alice', 'more', 'tare.test/more:2');
    await docker.must('rm', 'more');
    const saved = join(docker.room.folder, 'docker.tar');
    const names = [...both.map(({ name }) => name), 'tare.test/more:2', IMAGE];
    await docker.must('save', '--output', saved, ...names);
    const ids = await docker.must('inspect', '--format', '{{.Id}}', ...names);
    await fresh(async (other) => {
      const images = await loaded(other, readFileSync(saved));
      assert.deepEqual(images.map(({ id }) => id).sort(), ids.split('\n').sort());
      assert.deepEqual(images.flatMap((image) => image.names).sort(), names.sort());
      for (const [name, tree] of expected) assert.deepEqual(await tareTree(docker.room, other, name), tree);
    });
  });
});

describe('podman', () => {
  let podman: Podman;
  before(async () => {
    podman = await Podman.open();
  });
  after(() => podman.close());

  for (const format of FORMATS) {
    test(`loads the ${format} that tare saves, unpacks the same, and tare that of podman`, async () => {
      const { room } = podman;
      await fresh(async (other) => {
        for (const { name, id, undescribed } of both) {
          const path = await save(room.folder, [name], format);
          assert.match(await podman.must('load', '--input', path), new RegExp(`^Loaded image.*: ${name}$`, 'm'));
          assert.equal(`sha256:${await podman.must('inspect', '--format', '{{.Id}}', name)}`, id);
          const expected = await tareTree(room, tare, name);
          assertPeers(await treeIn(room, await podman.must('image', 'mount', name)), expected, undescribed);
          await podman.must('image', 'unmount', name);

          const saved = join(room.folder, `podman-${format}.tar`);
          await podman.must('save', '--quiet', '--format', format, '--output', saved, name);
          assert.deepEqual(await loaded(other, readFileSync(saved)), [{ id, names: [name] }]);
          assert.deepEqual(await tareTree(room, other, name), expected);
          rmSync(saved);
          await podman.must('rmi', name);
        }
      });
    });
  }

  test('several images in one archive', async () => {
    const names = both.map(({ name }) => name);
    const path = await save(podman.room.folder, names, 'docker-archive');
    await podman.must('load', '--quiet', '--input', path);
    // One of them under a second name.
    await podman.must('tag', OWN, 'tare.test/other:2');
    const saved = join(podman.room.folder, 'several.tar');
    const all = [...names, 'tare.test/other:2', IMAGE];
    await podman.must('save', '--quiet', '--multi-image-archive', '--output', saved, ...all);
    await fresh(async (other) => {
      const images = await loaded(other, readFileSync(saved));
      assert.deepEqual(images.flatMap((each) => each.names).sort(), all.sort());
      assert.equal(images.length, 3);
    });
  });
});

test('skopeo reads what tare saves, and tare what skopeo writes', async () => {
  for (const format of FORMATS) {
    await fresh(async (other) => {
      for (const { name, id, config, manifest } of both) {
        const path = await save(folder, [name], format);
        assert.equal((await skopeo('inspect', '--config', '--raw', `${format}:${path}`)).toString(), config, format);
        const copy = join(folder, `skopeo-${format}.tar`);
        await skopeo('copy', '--quiet', `${format}:${path}`, `${format}:${copy}:${name}`);
        const { status, body } = await loadFrom(other, readFileSync(copy));
        assert.equal(status, 200, JSON.stringify(body));
        rmSync(copy);
        const [image, ...more] = body.images;
        assert.deepEqual([image?.id, image?.names, more], [id, [name], []]);
        // As it was in the store: nothing was packed anew on the way.
        if (format === 'oci-archive') assert.equal(image?.manifest, manifest);
      }
    });
  }
});
