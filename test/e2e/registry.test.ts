/**
 * The registry client against the registry that Debian has (docker-registry), filled and read by skopeo: what one of the
 * three has written the others read, digest by digest.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestHex, digestOf, type Digest } from '../../daemon/images/digest.ts';
import { ImageError } from '../../daemon/images/errors.ts';
import type { Descriptor } from '../../daemon/images/manifest/descriptor.ts';
import { checkLayerCount, encodeImageConfig, parseImageConfig } from '../../daemon/images/manifest/image-config.ts';
import { checkRunnable, encodeManifest, parseManifest } from '../../daemon/images/manifest/manifest.ts';
import * as types from '../../daemon/images/manifest/media-types.ts';
import { choosePlatform } from '../../daemon/images/manifest/platform.ts';
import { RegistryClient } from '../../daemon/images/registry/client.ts';
import type { Credential } from '../../daemon/images/registry/credentials.ts';
import { Registries } from '../../daemon/images/registry/settings.ts';
import { Transport } from '../../daemon/images/registry/transport.ts';
import { parseReference, type Reference } from '../../daemon/images/reference.ts';
import { openCutter, openRegistry, skopeo, type DebianRegistry } from '../harness/debian-registry.ts';

const LAYERS = 10;

interface Bench {
  readonly folder: string;
  readonly registry: DebianRegistry;
  readonly client: RegistryClient;
  readonly clientAs: (credential: Credential | undefined) => RegistryClient;
  [Symbol.asyncDispose](): Promise<void>;
}

async function openBench(withPassword = false): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'tare-registry-'));
  const registry = await openRegistry(folder, withPassword);
  const transport = new Transport({ registries: new Registries() });
  const clientAs = (credential: Credential | undefined): RegistryClient =>
    new RegistryClient({ transport, credentials: () => credential });
  return {
    folder,
    registry,
    clientAs,
    client: clientAs(undefined),
    async [Symbol.asyncDispose]() {
      await transport.close();
      await registry[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** A tar archive with one file of random bytes. */
async function layerOf(name: string, size: number): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name }, randomBytes(size));
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

interface Layout {
  readonly folder: string;
  readonly manifest: Digest;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** An OCI layout with an image of ten layers for this machine, tagged "ten", and an index with it, tagged "all". */
async function writeLayout(folder: string): Promise<Layout> {
  const blobs = new Map<Digest, Buffer>();
  const add = (bytes: Buffer, mediaType: string): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const archives = await Promise.all(
    Array.from({ length: LAYERS }, (_, at) => layerOf(`file-${at}`, 20_000 * (at + 1))),
  );
  const layers = archives.map((archive) => add(gzipSync(archive), types.OCI_LAYER_GZIP));
  const diffIds = archives.map((archive) => digestOf(archive));
  const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
  const run = { cmd: ['/bin/sh'], env: ['PATH=/bin'], labels: { of: 'a test' } };
  const config = add(encodeImageConfig({ platform, run, diffIds, history: [] }), types.OCI_CONFIG);
  const image = encodeManifest({ kind: 'manifest', mediaType: types.OCI_MANIFEST, config, layers });
  blobs.set(image.digest, image.bytes);
  const entry = { ...image.descriptor, platform };
  const index = encodeManifest({ kind: 'index', mediaType: types.OCI_INDEX, manifests: [entry] });
  blobs.set(index.digest, index.bytes);
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  for (const [digest, bytes] of blobs) await writeFile(join(folder, 'blobs/sha256', digestHex(digest)), bytes);
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const tagged = (descriptor: Descriptor, tag: string): object => ({
    ...descriptor,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  });
  const manifests = [tagged(image.descriptor, 'ten'), tagged(index.descriptor, 'all')];
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return { folder, manifest: image.digest, blobs };
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The image with everything it is made of, verified, by digest. */
async function pull(client: RegistryClient, reference: Reference): Promise<Map<Digest, Buffer>> {
  const pulled = new Map<Digest, Buffer>();
  const descriptor = await client.resolve(reference);
  let fetched = await client.fetchDescribed(reference, descriptor);
  let manifest = parseManifest(fetched.bytes, fetched.descriptor.mediaType, 'the manifest');
  if (manifest.kind === 'index') {
    pulled.set(fetched.descriptor.digest, fetched.bytes);
    fetched = await client.fetchDescribed(reference, choosePlatform(manifest.manifests, 'the image'));
    manifest = parseManifest(fetched.bytes, fetched.descriptor.mediaType, 'the manifest');
  }
  assert.ok(manifest.kind === 'manifest');
  checkRunnable(manifest, 'the image');
  pulled.set(fetched.descriptor.digest, fetched.bytes);
  const bytes = await client.readBlob(reference, manifest.config);
  pulled.set(manifest.config.digest, bytes);
  checkLayerCount(manifest, parseImageConfig(bytes, 'the configuration'), 'the image');
  const layers = await Promise.all(
    manifest.layers.map(async (layer) => {
      const { stream } = await client.fetchBlob(reference, layer);
      return [layer.digest, await collect(stream)] as const;
    }),
  );
  for (const [digest, content] of layers) {
    assert.equal(digestOf(content), digest);
    pulled.set(digest, content);
  }
  return pulled;
}

function sourceOf(bytes: Buffer): { open: (from: number) => AsyncIterable<Uint8Array> } {
  return {
    open: async function* (from: number) {
      for (let at = from; at < bytes.length; at += 65536) {
        await Promise.resolve();
        yield bytes.subarray(at, at + 65536);
      }
    },
  };
}

/** All of an image of one platform into the repository of `reference`, with its tag. */
async function push(
  client: RegistryClient,
  reference: Reference,
  image: ReadonlyMap<Digest, Buffer>,
  manifestDigest: Digest,
  mountFrom: string[] = [],
): Promise<string[]> {
  const bytes = image.get(manifestDigest)!;
  const manifest = parseManifest(bytes, undefined, 'the manifest');
  assert.ok(manifest.kind === 'manifest');
  const outcomes = await Promise.all(
    [manifest.config, ...manifest.layers].map((blob) =>
      client.pushBlob(reference, blob, sourceOf(image.get(blob.digest)!), { mountFrom }),
    ),
  );
  const descriptor = { mediaType: manifest.mediaType, digest: manifestDigest, size: bytes.length };
  await client.pushManifest(reference, reference.tag!, { bytes, descriptor });
  return outcomes;
}

void test('what skopeo has put there is pulled, and what is pushed skopeo finds', async () => {
  await using bench = await openBench();
  const { client, registry, folder } = bench;
  const layout = await writeLayout(join(folder, 'layout'));
  await skopeo('copy', '--dest-tls-verify=false', `oci:${layout.folder}:ten`, `docker://${registry.host}/app:ten`);
  const reference = parseReference(`${registry.host}/app:ten`);
  const pulled = await pull(client, reference);
  assert.equal(pulled.size, LAYERS + 2);
  for (const [digest, bytes] of pulled) assert.deepEqual(bytes, layout.blobs.get(digest));
  assert.equal((await client.resolve(reference)).digest, layout.manifest);

  const other = parseReference(`${registry.host}/team/other:back`);
  assert.deepEqual(
    new Set(await push(client, other, pulled, layout.manifest, ['nobody', 'app'])),
    new Set(['mounted']),
  );
  assert.deepEqual(new Set(await push(client, other, pulled, layout.manifest)), new Set(['exists']));
  const third = parseReference(`${registry.host}/third:back`);
  assert.deepEqual([...new Set(await push(client, third, pulled, layout.manifest))], ['uploaded']);
  for (const name of ['team/other', 'third']) {
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/${name}:back`);
    assert.equal(digestOf(raw), layout.manifest);
    const copy = join(folder, name.replace('/', '-'));
    await skopeo('copy', '--src-tls-verify=false', `docker://${registry.host}/${name}:back`, `oci:${copy}:back`);
    for (const [digest, bytes] of pulled) {
      assert.deepEqual(await readFile(join(copy, 'blobs/sha256', digestHex(digest))), bytes);
    }
  }
  await client.pushManifest(third, 'v2', {
    bytes: pulled.get(layout.manifest)!,
    descriptor: await client.resolve(third),
  });
  assert.deepEqual((await client.listTags(third)).sort(), ['back', 'v2']);
});

void test('indexes, and the manifests of Docker', async () => {
  await using bench = await openBench();
  const { client, registry, folder } = bench;
  const layout = await writeLayout(join(folder, 'layout'));
  const at = `docker://${registry.host}/app`;
  await skopeo('copy', '--all', '--dest-tls-verify=false', `oci:${layout.folder}:all`, `${at}:all`);
  assert.equal((await pull(client, parseReference(`${registry.host}/app:all`))).size, LAYERS + 3);
  await skopeo('copy', '--format', 'v2s2', '--dest-tls-verify=false', `oci:${layout.folder}:ten`, `${at}:docker`);
  const docker = parseReference(`${registry.host}/app:docker`);
  const { mediaType, digest } = await client.resolve(docker);
  assert.equal(mediaType, types.DOCKER_MANIFEST);
  const pulled = await pull(client, docker);
  await push(client, parseReference(`${registry.host}/again:docker`), pulled, digest);
  const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/again:docker`);
  assert.equal(digestOf(raw), digest);
});

void test('a name, a tag, a digest and a blob that are not there', async () => {
  await using bench = await openBench();
  const { client, registry } = bench;
  const nothing = digestOf('nothing');
  const reference = parseReference(`${registry.host}/app:none`);
  const code = (wanted: string) => (error: unknown) => error instanceof ImageError && error.code === wanted;
  await assert.rejects(client.resolve(reference), code('image_not_found'));
  await assert.rejects(client.fetchManifest({ ...reference, digest: nothing }), code('image_not_found'));
  const blob = { mediaType: types.OCI_LAYER, digest: nothing, size: 7 };
  await assert.rejects(client.fetchBlob(reference, blob), code('blob_not_found'));
  assert.equal(await client.hasBlob(reference, nothing), false);
  await assert.rejects(client.listTags(reference), code('image_not_found'));
});

void test('a name and password of an htpasswd file', async () => {
  await using bench = await openBench(true);
  const { registry, clientAs, folder } = bench;
  const layout = await writeLayout(join(folder, 'layout'));
  const password = (text: string): Credential => ({ kind: 'password', username: 'me', password: text });
  const at = `docker://${registry.host}/app:ten`;
  await skopeo('copy', '--dest-tls-verify=false', '--dest-creds', 'me:secret', `oci:${layout.folder}:ten`, at);
  const reference = parseReference(`${registry.host}/app:ten`);
  const isUnauthorized = (error: unknown): boolean => error instanceof ImageError && error.code === 'unauthorized';
  for (const credential of [undefined, password('wrong')]) {
    await assert.rejects(clientAs(credential).resolve(reference), isUnauthorized);
    await assert.rejects(clientAs(credential).login(registry.host), isUnauthorized);
  }
  const client = clientAs(password('secret'));
  assert.deepEqual(await client.login(registry.host), {});
  const pulled = await pull(client, reference);
  await push(client, parseReference(`${registry.host}/other:ten`), pulled, layout.manifest);
  const raw = await skopeo(
    'inspect',
    '--raw',
    '--tls-verify=false',
    '--creds',
    'me:secret',
    at.replace('app', 'other'),
  );
  assert.equal(digestOf(raw), layout.manifest);
});

void test('over connections that break a pull fetches what is missing, and a push comes through', async () => {
  await using bench = await openBench();
  const { registry, client } = bench;
  const bytes = randomBytes(8_000_000);
  const blob = { mediaType: types.OCI_LAYER, digest: digestOf(bytes), size: bytes.length };
  const reference = parseReference(`${registry.host}/app:big`);
  const through = (host: string): Reference => ({ ...reference, registry: host });
  {
    // This registry forgets an upload that broke, so that it begins anew; others go on with it (the unit tests).
    await using up = await openCutter(registry.host, 'up', 3_000_000, 2);
    assert.equal(await client.pushBlob(through(up.host), blob, sourceOf(bytes)), 'uploaded');
  }
  {
    await using down = await openCutter(registry.host, 'down', 3_000_000, 2);
    const { stream } = await client.fetchBlob(through(down.host), blob);
    assert.equal(digestOf(await collect(stream)), blob.digest);
    assert.ok(down.carried() < 1.3 * bytes.length, `${down.carried()} bytes were fetched`);
  }
  const part = await client.fetchBlob(reference, blob, { from: 6_000_000 });
  assert.equal(part.from, 6_000_000);
  assert.deepEqual(await collect(part.stream), bytes.subarray(6_000_000));
});
