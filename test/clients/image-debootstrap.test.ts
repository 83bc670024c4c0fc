/**
 * Acceptance of images, with a whole Debian that debootstrap made: from a registry that skopeo filled, run, and back;
 * through pipes and files to docker and podman and back; everybody has the same files.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run, TestDaemon } from '../harness/daemon.ts';
import { openRegistry, skopeo, type DebianRegistry } from '../harness/debian-registry.ts';
import { writeLayout, type TestImage } from '../harness/images.ts';
import { treeOf, type Tree } from '../harness/tree.ts';
import { debootstrap, imageOfTree } from './debootstrap.ts';
import { Dockerd } from './dockerd.ts';
import { Podman } from './podman.ts';
import type { Room } from './room.ts';
import { assertPeers, dockerTree, tareTree, treeIn } from './trees.ts';

const TARE = join(import.meta.dirname, '../../bin/tare');
const FORMATS = ['docker-archive', 'oci-archive'] as const;

let folder: string;
let image: TestImage;
/** As debootstrap made it. */
let tree: Tree;
/** Where the image is in the registry, and under which name everybody has it. */
let name: string;
let registry: DebianRegistry;
let tare: TestDaemon;
let docker: Dockerd;
let podman: Podman;

/** Closed at the end, of whatever could be opened. */
const opened = new AsyncDisposableStack();
const closed = <T extends { close(): Promise<void> }>(it: T): T => opened.adopt(it, (one) => one.close());

/** While debootstrap downloads, everybody starts. */
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tare-debootstrap-'));
  const root = join(folder, 'debian');
  const openings = await Promise.allSettled([
    debootstrap(root),
    openRegistry(join(folder, 'registry')).then((it) => (registry = opened.use(it))),
    TestDaemon.open().then((it) => (tare = closed(it))),
    Dockerd.open().then((it) => (docker = closed(it))),
    Podman.open().then((it) => (podman = closed(it))),
  ]);
  for (const each of openings) if (each.status === 'rejected') throw each.reason;
  tree = treeOf(root);
  image = await imageOfTree(root);
  const layout = join(folder, 'layout');
  writeLayout(layout, { debian: image });
  name = `${registry.host}/there/debian:1`;
  await skopeo('copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:debian`, `docker://${name}`);
  await cli('pull', '--quiet', name);
});
after(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true });
});

/** What a command of tare prints that has to succeed. */
async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tare.cli(args);
  assert.equal(code, 0, `tare ${args.join(' ')}: ${stderr}`);
  return stdout.trimEnd();
}

/** `script` is bash's, which has the image's name in $name, and `daemon`'s client in $tare. */
async function pipe(daemon: TestDaemon, script: string, env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', script], {
    env: { ...env, name, tare: TARE, TARE_HOST: `unix://${daemon.socket}` },
  });
  assert.equal(code, 0, `${script}: ${stderr}`);
  return stdout;
}

/** Into an empty store, of which the image and its tree are to be the same. */
async function loadedAnew(room: Room, script: string, env: Record<string, string>): Promise<void> {
  const daemon = await TestDaemon.open();
  try {
    assert.match(await pipe(daemon, script, env), new RegExp(`^Loaded image: ${name}$`, 'm'));
    const { id } = await daemon.client.must<{ id: string }>('GET', `/v1/images/${encodeURIComponent(name)}`);
    assert.equal(id, image.id);
    assert.deepEqual(await tareTree(room, daemon, name), tree);
  } finally {
    await daemon.close();
  }
}

async function digestAt(reference: string): Promise<string> {
  const digest = await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${reference}`);
  return digest.toString().trim();
}

test('from the registry, run, and back under another name: skopeo finds the same digests', async () => {
  const script = 'cat /etc/debian_version; dpkg --print-architecture; apt-get --version | head -n 1; id -u';
  assert.match(await cli('run', '--rm', name, '/bin/sh', '-c', script), /^[0-9]+\.[0-9]+\namd64\napt [0-9.]+ .*\n0$/);
  const back = `${registry.host}/back/debian:2`;
  await cli('tag', name, back);
  await cli('push', '--quiet', back);
  await cli('rmi', back);
  assert.equal(await digestAt(back), image.descriptor.digest);
  assert.equal(await digestAt(name), image.descriptor.digest);
});

test('tare save | docker load, docker save | tare load: the files are those of debootstrap', async () => {
  const env = { docker: docker.command };
  const said = await pipe(tare, '"$tare" save "$name" | "$docker" load --quiet', env);
  assert.equal(said.trim(), `Loaded image: ${name}`);
  assert.equal(await docker.must('inspect', '--format', '{{.Id}}', name), image.id);
  assert.deepEqual(await tareTree(docker.room, tare, name), tree);
  const data = await docker.must('inspect', '--format', '{{json .GraphDriver.Data}}', name);
  assertPeers(await dockerTree(docker.room, data), tree);
  await loadedAnew(docker.room, '"$docker" save "$name" | "$tare" load --quiet', env);
});

for (const format of FORMATS) {
  test(`${format}: to podman and back, the files are those of debootstrap`, async () => {
    const env = { podman: podman.command, format };
    await pipe(tare, '"$tare" save --format "$format" "$name" | "$podman" load --quiet', env);
    assert.equal(`sha256:${await podman.must('inspect', '--format', '{{.Id}}', name)}`, image.id);
    assertPeers(await treeIn(podman.room, await podman.must('image', 'mount', name)), tree);
    await podman.must('image', 'unmount', name);
    await loadedAnew(podman.room, '"$podman" save --quiet --format "$format" "$name" | "$tare" load --quiet', env);
    await podman.must('rmi', name);
  });
}
