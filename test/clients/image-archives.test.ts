/** Archives of images go from tare to docker, podman and skopeo and back, and everybody unpacks the same of them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TestDaemon } from '../harness/daemon.ts';
import { dockerArchive, loadFrom, ociArchive, saveFrom } from '../harness/images.ts';
import type { Tree } from '../harness/tree.ts';
import { archivedImage } from './archived-image.ts';
import { Dockerd } from './dockerd.ts';
import { IMAGE } from './image.ts';
import { Podman } from './podman.ts';
import { dockerTree, tareTree, treeIn } from './trees.ts';

const NAME = 'tare.test/odd:1';
const FORMATS = ['docker-archive', 'oci-archive'] as const;
const image = archivedImage();

/** As tare has it from the start. */
let tare: TestDaemon;
before(async () => {
  tare = await TestDaemon.open();
  await loaded(tare, ociArchive({ [NAME]: image }));
});
after(() => tare.close());

async function loaded(daemon: TestDaemon, archive: Buffer): Promise<{ id: string; names: readonly string[] }[]> {
  const { status, body } = await loadFrom(daemon, archive);
  assert.equal(status, 200, JSON.stringify(body));
  return body.images.map(({ id, names }) => ({ id, names }));
}

/** Gives the path of the archive. */
async function save(folder: string, images: readonly string[], format: (typeof FORMATS)[number]): Promise<string> {
  const path = join(folder, `saved-${format}.tar`);
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

/** Entry by entry. What a layer says of the root directory itself docker and podman pass over; tare does not. */
function assertSame(found: Tree, expected: Tree): void {
  assert.match(expected['odd/attributes'] ?? '', /user\.colour=/);
  assert.equal(expected['odd/gone'], undefined);
  const { '': root, ...entries } = expected;
  assert.match(root ?? '', /^40755 0:0 .* 1600000000000000000 /);
  const { '': other, ...peers } = found;
  assert.ok(other !== undefined);
  assert.deepEqual(peers, entries);
}

describe('docker', () => {
  let docker: Dockerd;
  before(async () => {
    docker = await Dockerd.open();
  });
  after(() => docker.close());

  test('loads what tare saves, unpacks the same, and tare what docker saves', async () => {
    const path = await save(docker.room.folder, [NAME], 'docker-archive');
    assert.match(await docker.must('load', '--input', path), /Loaded image: tare\.test\/odd:1/);
    assert.equal(await docker.must('inspect', '--format', '{{.Id}}', NAME), image.id);
    const data = await docker.must('inspect', '--format', '{{json .GraphDriver.Data}}', NAME);
    const expected = await tareTree(docker.room, tare, NAME);
    assertSame(await dockerTree(docker.room, data), expected);

    // Two images with layers in common: docker before version 25 writes links for the second's.
    await docker.must('create', '--name', 'more', NAME);
    await docker.must('commit', '--change', 'USER alice', 'more', 'tare.test/more:2');
    await docker.must('rm', 'more');
    const saved = join(docker.room.folder, 'docker.tar');
    await docker.must('save', '--output', saved, NAME, 'tare.test/more:2', IMAGE);
    const ids = await docker.must('inspect', '--format', '{{.Id}}', NAME, 'tare.test/more:2', IMAGE);
    await fresh(async (other) => {
      const images = await loaded(other, readFileSync(saved));
      assert.deepEqual(images.map(({ id }) => id).sort(), ids.split('\n').sort());
      assert.deepEqual(images.flatMap(({ names }) => names).sort(), [IMAGE, 'tare.test/more:2', NAME].sort());
      assertSame(await tareTree(docker.room, other, NAME), expected);
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
      const path = await save(podman.room.folder, [NAME], format);
      assert.match(await podman.must('load', '--input', path), /Loaded image.*: tare\.test\/odd:1/);
      assert.equal(`sha256:${await podman.must('inspect', '--format', '{{.Id}}', NAME)}`, image.id);
      const expected = await tareTree(podman.room, tare, NAME);
      assertSame(await treeIn(podman.room, await podman.must('image', 'mount', NAME)), expected);
      await podman.must('image', 'unmount', NAME);

      const saved = join(podman.room.folder, `podman-${format}.tar`);
      await podman.must('save', '--quiet', '--format', format, '--output', saved, NAME);
      await fresh(async (other) => {
        assert.deepEqual(await loaded(other, readFileSync(saved)), [{ id: image.id, names: [NAME] }]);
        assertSame(await tareTree(podman.room, other, NAME), expected);
      });
      await podman.must('rmi', NAME);
    });
  }

  test('several images in one archive', async () => {
    await loaded(tare, dockerArchive({ 'tare.test/other:2': image }));
    const path = await save(podman.room.folder, [NAME, 'tare.test/other:2'], 'docker-archive');
    await podman.must('load', '--quiet', '--input', path);
    const saved = join(podman.room.folder, 'several.tar');
    const names = [NAME, 'tare.test/other:2', IMAGE];
    await podman.must('save', '--quiet', '--multi-image-archive', '--output', saved, ...names);
    await fresh(async (other) => {
      const images = await loaded(other, readFileSync(saved));
      assert.deepEqual(images.flatMap((each) => each.names).sort(), names.sort());
      assert.equal(images.length, 2);
    });
  });
});

test('skopeo reads what tare saves, and tare what skopeo writes', async () => {
  const skopeo = (...args: string[]): string =>
    execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8', stdio: 'pipe' });
  for (const format of FORMATS) {
    const path = await save(tare.folder, [NAME], format);
    const config = skopeo('inspect', '--config', '--raw', `${format}:${path}`);
    assert.deepEqual(config, image.config.toString(), format);
    const copy = join(tare.folder, `skopeo-${format}.tar`);
    skopeo('copy', '--quiet', `${format}:${path}`, `${format}:${copy}:${NAME}`);
    await fresh(async (other) => {
      const archive = readFileSync(copy);
      assert.deepEqual(await loaded(other, archive), [{ id: image.id, names: [NAME] }]);
      if (format === 'docker-archive') return;
      // As it was in the store: nothing was packed anew on the way.
      const { body } = await loadFrom(other, archive);
      assert.deepEqual(body.images[0]?.manifest, image.descriptor.digest);
    });
  }
});
