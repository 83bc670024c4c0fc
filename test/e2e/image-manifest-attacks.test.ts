/** Manifests, configurations and archives that lie: refused by a 4xx that says why, nothing kept, and nothing of the host read. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { CanaryTree } from '../harness/archives/canary.ts';
import { assertAnswered, storeOf, type Passage } from '../harness/archives/doors.ts';
import { oddDocument } from '../harness/archives/odd-json.ts';
import { TestDaemon } from '../harness/daemon.ts';
import {
  archiveOf,
  dockerArchiveFiles,
  layoutFiles,
  loadFrom,
  makeImage,
  ociArchive,
  publish,
  pullFrom,
  sha256,
  type TestImage,
} from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { file, hardlink, symlink, tar, type Member } from '../harness/tar.ts';

const OCI = 'application/vnd.oci.image';
const [MANIFEST, INDEX] = [`${OCI}.manifest.v1+json`, `${OCI}.index.v1+json`];
const SEED = 20261122;
const TIB = 2 ** 40;

let daemon: TestDaemon;
let registry: TestRegistry;
let canary: CanaryTree;
let image: TestImage;

before(async () => {
  daemon = await TestDaemon.open();
  registry = await TestRegistry.open();
  canary = new CanaryTree(join(daemon.folder, 'canary'));
  image = makeImage({ layers: [tar(file('only', 'x'))] });
  // the control: without what an attack changes, all of this is sound
  publish(registry, 'sound', 'latest', image);
  assert.equal((await pullFrom(daemon, `${registry.host}/sound:latest`)).status, 200);
  assert.equal((await loadFrom(daemon, ociArchive({ 'sound:1': image }))).status, 200);
  assert.equal((await loadFrom(daemon, archiveOf(dockerArchiveFiles({ 'sound:2': image })))).status, 200);
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await daemon.close();
});

/** It was refused so, and the daemon has what it had; what it says is nothing that it read on the host. */
function assertRefused({ status, code, detail }: Passage, words: RegExp, had: readonly string[], what: string): void {
  // a promise of more than the disk has is its own kind of refusal
  assert.ok((status >= 400 && status < 500) || code === 'disk_full', `${what}: ${status} ${code} ${detail}`);
  assert.match(`${code}: ${detail}`, words, what);
  assert.doesNotMatch(detail ?? '', /the (file|victim|hidden)\n/, what);
  assert.deepEqual(storeOf(daemon), had, what);
  canary.assertUntouched(what);
}

let count = 0;

interface Lie {
  readonly what: string;
  readonly words: RegExp;
  /** Over the manifest of `of`, or all of it. */
  readonly manifest?: Record<string, unknown> | Buffer;
  readonly of?: TestImage;
  readonly mediaType?: string;
  /** Puts more, or something else, into the registry's repository. */
  readonly more?: (path: string) => void;
}

async function refusesToPull({
  what,
  words,
  manifest = {},
  of = image,
  mediaType = MANIFEST,
  more,
}: Lie): Promise<void> {
  const path = `lies/${++count}`;
  publish(registry, path, undefined, of);
  const bytes = Buffer.isBuffer(manifest)
    ? manifest
    : Buffer.from(JSON.stringify({ ...(JSON.parse(of.manifest.toString()) as object), ...manifest }));
  for (const key of [`${path}:latest`, `${path}@${sha256(bytes)}`]) registry.manifests.set(key, { bytes, mediaType });
  more?.(path);
  const had = storeOf(daemon);
  const { status, body } = await pullFrom(daemon, `${registry.host}/${path}:latest`);
  assertRefused({ status, code: body.code ?? '', detail: body.detail ?? '' }, words, had, what);
}

test('CVE-2021-41190: a manifest that is also an index, and what calls itself something else', async () => {
  const [layer] = image.layerDescriptors;
  const lies: Lie[] = [
    { what: 'both', words: /manifest_invalid.*manifests/, manifest: { manifests: [image.descriptor] } },
    {
      what: 'both, as an index',
      words: /manifest_invalid/,
      mediaType: INDEX,
      manifest: { mediaType: INDEX, manifests: [] },
    },
    { what: 'an index by its own word', words: /media_type_mismatch/, manifest: { mediaType: INDEX } },
    { what: 'a manifest by its own word', words: /media_type_mismatch/, mediaType: INDEX },
    { what: 'with signatures', words: /manifest_invalid/, manifest: { fsLayers: [], signatures: [] } },
    {
      what: 'of schema 1',
      words: /image_unsupported.*schema 1/,
      mediaType: 'application/vnd.docker.distribution.manifest.v1+json',
    },
    { what: 'fields in other letters', words: /manifest_invalid/, manifest: { Layers: [] } },
    {
      what: 'fields twice',
      words: /manifest_invalid/,
      manifest: Buffer.from(image.manifest.toString().replace('"layers":', '"layers":[],"layers":')),
    },
    {
      what: 'an index for a configuration',
      words: /image_unsupported/,
      manifest: { config: { ...image.descriptor, mediaType: INDEX } },
    },
    {
      what: 'a configuration for a layer',
      words: /image_unsupported/,
      manifest: { layers: [{ ...layer, mediaType: `${OCI}.config.v1+json` }] },
    },
    {
      what: 'indexes without end',
      words: /manifest_invalid|no_such_platform|deep/,
      mediaType: INDEX,
      manifest: Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ ...image.descriptor, mediaType: INDEX }] }),
      ),
      more: (path) => {
        let { descriptor } = image;
        for (let depth = 0; depth < 40; depth++) {
          const manifests = [{ ...descriptor, platform: image.platform }];
          const tag = depth === 39 ? 'latest' : undefined;
          descriptor = registry.addManifest(path, tag, { schemaVersion: 2, mediaType: INDEX, manifests }, INDEX);
        }
      },
    },
  ];
  for (const lie of lies) await refusesToPull(lie);
});

test('CVE-2024-3727: digests that are paths, and digests that are none', async () => {
  const to = `../../../../../../../..${canary.path}/file`;
  const hex = 'a'.repeat(64);
  const digests = [`sha256:${to}`, `sha256:${canary.path}/file`, 'sha256:../x', `sha256/../${hex}`, `../sha256:${hex}`];
  const wrong = [
    `sha256:${hex}/../x`,
    `sha256:${hex.slice(1)}`,
    `sha256:${'A'.repeat(64)}`,
    `md5:${hex.slice(32)}`,
    `sha256:${hex}\n`,
  ];
  const [layer] = image.layerDescriptors;
  for (const digest of [...digests, ...wrong, '', 'sha256:', `sha256:${'g'.repeat(64)}`, `sha512:${hex}`]) {
    const words = /manifest_invalid.*digest/;
    const bad = { ...layer, digest };
    await refusesToPull({ what: `layer ${digest}`, words, manifest: { layers: [bad] } });
    await refusesToPull({
      what: `configuration ${digest}`,
      words,
      manifest: { config: { ...image.descriptor, digest } },
    });
    const manifests = [{ ...image.descriptor, digest, platform: image.platform }];
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
    await refusesToPull({ what: `index of ${digest}`, words, manifest: index, mediaType: INDEX });
    await refusesToPull({
      what: `diff id ${digest}`,
      words,
      of: makeImage({ layers: [{ tar: image.layers[0]!, diffId: digest }] }),
    });
  }
});

test('content that is not its digest, its size or its kind, and promises of 2^40 bytes', async () => {
  const layer = image.layerDescriptors[0]!;
  const own = tar(file('own', 'of this test'));
  const fresh = (): TestImage => makeImage({ layers: [tar(file(`fresh-${count}`, 'x'))] });
  const replaced = (of: TestImage, bytes: (blob: Buffer) => Buffer): NonNullable<Lie['more']> => {
    const { digest } = of.layerDescriptors[0]!;
    return (path) => registry.blobs.set(`${path}@${digest}`, bytes(of.blobs.get(digest)!));
  };
  const others = [
    [/digest_mismatch/, (blob: Buffer) => Buffer.alloc(blob.length, 1)],
    [/size_mismatch/, (blob: Buffer) => Buffer.concat([blob, blob])],
    [/size_mismatch|registry/, (blob: Buffer) => blob.subarray(1)],
  ] as const;
  for (const [words, bytes] of others) {
    const of = fresh();
    await refusesToPull({ what: `another blob: ${words}`, words, of, more: replaced(of, bytes) });
  }
  for (const size of [TIB, 2 ** 53 - 1, 2 ** 53, 1e300, -1, 1.5, '12']) {
    const words = /disk_full|image_too_large|size_mismatch|manifest_invalid/;
    const digest = sha256(String(size));
    await refusesToPull({
      what: `a layer of ${size} bytes`,
      words,
      manifest: { layers: [{ ...layer, digest, size }] },
    });
    await refusesToPull({
      what: `a configuration of ${size} bytes`,
      words,
      manifest: { config: { mediaType: `${OCI}.config.v1+json`, digest, size } },
    });
  }
  const layers: [RegExp, TestImage][] = [
    [/digest_mismatch.*diff id/, makeImage({ layers: [{ tar: own, diffId: sha256('x') }] })],
    [/layer_invalid/, makeImage({ layers: [{ tar: own, blob: zstdCompressSync(own) }] })],
    [/layer_invalid/, makeImage({ layers: [{ tar: own, blob: own }] })],
    [/layer_invalid/, makeImage({ layers: [{ tar: own, blob: gzipSync(own).subarray(0, 60) }] })],
    [
      /layer_invalid|digest_mismatch/,
      makeImage({ layers: [{ tar: own, blob: Buffer.concat([gzipSync(own), Buffer.from('more')]) }] }),
    ],
    [/manifest_invalid.*layers/, makeImage({ layers: [own], document: { rootfs: { type: 'layers', diff_ids: [] } } })],
    [/manifest_invalid.*rootfs/, makeImage({ layers: [own], document: { rootfs: null } })],
    [/layer_invalid/, makeImage({ layers: [tar(file('promised', 'x', { size: TIB }))] })],
  ];
  for (const [words, of] of layers) await refusesToPull({ what: String(words), words, of });
  const many = Array.from({ length: 20_000 }, () => layer);
  await refusesToPull({ what: 'very many layers', words: /manifest_invalid|too_large/, manifest: { layers: many } });
  const large = { annotations: { large: 'x'.repeat(5 * 1024 * 1024) } };
  await refusesToPull({ what: 'a very large manifest', words: /too_large/, manifest: large });
});

/** A docker-archive whose manifest.json, or members, are changed. */
function dockerLie(entry: Record<string, unknown>, ...members: readonly (Member | Buffer)[]): Buffer {
  const files = dockerArchiveFiles({ 'hostile:latest': image });
  const [own] = JSON.parse(files.get('manifest.json')!.toString()) as Record<string, unknown>[];
  files.set('manifest.json', Buffer.from(JSON.stringify([{ ...own, ...entry }])));
  const names = new Set(members.flatMap((one) => (Buffer.isBuffer(one) ? [] : [String(one.name)])));
  return tar(
    ...[...files]
      .filter(([name]) => !names.has(name))
      .map(([name, data]) => file(name, data.toString('latin1'), { data })),
    ...members,
  );
}

async function refusesToLoad(archive: Buffer, words: RegExp, what: string): Promise<void> {
  const had = storeOf(daemon);
  const { status, body } = await loadFrom(daemon, archive);
  assertRefused({ status, code: body.code ?? '', detail: body.detail ?? '' }, words, had, what);
}

test('archives whose names lead to the host: in the list of images, as links, in the names of members', async () => {
  const up = `../../../../../../../../../../../../..${canary.path}/file`;
  const layer = Object.keys(JSON.parse(dockerArchiveFiles({ x: image }).get('manifest.json')!.toString()) as object);
  assert.equal(layer.length, 1);
  const name = [...dockerArchiveFiles({ x: image }).keys()].find((path) => path.endsWith('layer.tar'))!;
  const config = `${image.id.slice(7)}.json`;
  for (const path of [up, `${canary.path}/file`, `./${up}`, '/dev/zero', '/proc/self/environ', '', '.', '/']) {
    await refusesToLoad(dockerLie({ Config: path }), /archive_invalid/, `Config ${path}`);
    await refusesToLoad(dockerLie({ Layers: [path] }), /archive_invalid/, `Layers ${path}`);
    if (path === '') continue;
    for (const member of [name, config, 'manifest.json']) {
      await refusesToLoad(dockerLie({}, symlink(member, path)), /archive_invalid/, `${member} is a link to ${path}`);
      await refusesToLoad(
        dockerLie({}, hardlink(member, path)),
        /archive_invalid/,
        `${member} is a hard link to ${path}`,
      );
    }
  }
  await refusesToLoad(dockerLie({}, file(up, 'x')), /archive_invalid/, 'a member that leads upwards');
  await refusesToLoad(dockerLie({}, symlink(name, name)), /archive_invalid/, 'a link to itself');
  await refusesToLoad(dockerLie({}, { name, type: '3', major: 1, minor: 5 }), /archive_invalid/, 'a device');
  await refusesToLoad(dockerLie({}, { name, type: '6' }), /archive_invalid/, 'a FIFO');
  await refusesToLoad(
    dockerLie({}, file(name, 'x', { size: TIB })),
    /archive_invalid|disk_full|too_large/,
    'a layer of 2^40 bytes',
  );
  await refusesToLoad(dockerLie({ RepoTags: ['../../etc:1'] }), /invalid_reference/, 'a name that is a path');
  await refusesToLoad(
    dockerLie({ RepoTags: [`x@sha256:${'a'.repeat(64)}`] }),
    /invalid_reference/,
    'a name with a digest',
  );
  await refusesToLoad(dockerLie({ RepoTags: ['UPPER case\n'] }), /invalid_reference/, 'a name that is none');
  await refusesToLoad(dockerLie({ Layers: [] }), /manifest_invalid/, 'no layers');
  await refusesToLoad(tar(file('manifest.json', '[]')), /archive_invalid/, 'no images');
  await refusesToLoad(tar(), /archive_invalid/, 'nothing');
  await refusesToLoad(Buffer.from('not an archive'), /archive_invalid/, 'text');
  await refusesToLoad(Buffer.alloc(0), /archive_invalid/, 'no bytes');
});

test('OCI layouts whose blobs are not what they are called, or paths', async () => {
  const fresh = makeImage({ layers: [tar(file('layout', 'x'))] });
  const layer = fresh.layerDescriptors[0]!;
  const path = `blobs/sha256/${layer.digest.slice(7)}`;
  const changed = (change: (files: Map<string, Buffer>) => void): Buffer => {
    const files = layoutFiles({ 'hostile:1': fresh });
    change(files);
    return archiveOf(files);
  };
  const index = (digest: string): Buffer =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [{ ...fresh.descriptor, digest }] }));
  await refusesToLoad(
    changed((files) => files.set(path, Buffer.alloc(layer.size, 1))),
    /digest_mismatch/,
    'another blob',
  );
  await refusesToLoad(
    changed((files) => files.delete(path)),
    /blob_not_found/,
    'a blob that is missing',
  );
  for (const digest of ['sha256:../../index.json', `sha256:${canary.path}/file`, 'sha256:']) {
    await refusesToLoad(
      changed((files) => files.set('index.json', index(digest))),
      /archive_invalid|manifest_invalid/,
      digest,
    );
  }
  await refusesToLoad(
    changed((files) => files.set('index.json', Buffer.from('{'))),
    /archive_invalid|manifest_invalid/,
    'no JSON',
  );
  await refusesToLoad(
    changed((files) => files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"9"}'))),
    /archive_invalid/,
    'another version',
  );
});

test('CVE-2024-23650: odd, null, deep and huge JSON is refused or inert, and the daemon answers the next request', async () => {
  const sound = makeImage({
    config: { Entrypoint: ['/bin/true'], User: 'alice', Volumes: { '/v': {} }, Labels: { a: 'b' } },
  });
  const documents = [JSON.parse(sound.config.toString()), JSON.parse(sound.manifest.toString())] as [object, object];
  const one = async (kind: 0 | 1, odd: string): Promise<void> => {
    const config = kind === 0 ? Buffer.from(odd) : sound.config;
    const descriptor = { mediaType: `${OCI}.config.v1+json`, digest: sha256(config), size: config.length };
    const manifest =
      kind === 1 ? Buffer.from(odd) : Buffer.from(JSON.stringify({ ...documents[1], config: descriptor }));
    const bytes = {
      ...sound,
      manifest,
      config,
      descriptor: { ...sound.descriptor, digest: sha256(manifest), size: manifest.length },
    };
    const blobs = new Map([...sound.blobs, [sha256(config), config] as const]);
    const archive = ociArchive({ 'odd:latest': { ...bytes, blobs } });
    const { status, body } = await loadFrom(daemon, archive);
    assertAnswered({ status, code: body.code ?? '', detail: body.detail ?? '' }, odd.slice(0, 400));
    if (status !== 200) return;
    for (const path of ['/v1/images/odd:latest', '/v1/images/odd:latest/history', '/v1/images']) {
      assert.equal((await daemon.client.send('GET', path)).status, 200, odd);
    }
    const made = await daemon.client.send<{ id: string } & Passage>('POST', '/v1/containers', { image: 'odd:latest' });
    assertAnswered({ ...made.body, status: made.status }, odd);
    if (made.status === 201) await daemon.client.must('DELETE', `/v1/containers/${made.body.id}?volumes=true`);
  };
  for (const kind of [0, 1] as const) {
    await fc.assert(
      fc.asyncProperty(oddDocument(documents[kind]), (odd) => one(kind, odd)),
      { seed: SEED, numRuns: 120, endOnFailure: true },
    );
    for (const odd of ['null', '[]', '0', '"x"', '', '{', '['.repeat(100_000), `{"a":${'{"a":'.repeat(50_000)}`])
      await one(kind, odd);
  }
  assert.equal((await daemon.client.send('GET', '/v1/ping')).status, 200);
  assert.doesNotMatch(daemon.output, /"level":(50|60)/);
});
