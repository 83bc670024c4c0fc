/** What image archives say, true and false: nothing of it is believed that is not checked. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { ArchiveImage } from '../../../daemon/images/archive/archive-image.ts';
import { imagesOf, takeArchive } from '../../../daemon/images/archive/read-archive.ts';
import { ImageError, type ImageErrorCode } from '../../../daemon/images/errors.ts';
import { parsePlatform } from '../../../daemon/images/manifest/platform.ts';
import { archiveOf, dockerArchiveFiles, layoutFiles, makeImage, type TestImage } from '../../harness/images.ts';
import { directory, file, hardlink, symlink, tar, type Member } from '../../harness/tar.ts';
import { StoreFixture } from './store-fixture.ts';

let store: StoreFixture;
before(() => {
  store = new StoreFixture();
});
after(() => store.remove());

const small = makeImage({ layers: [tar(file('a', 'x'))] });
const other = makeImage({ layers: [tar(file('a', 'x')), tar(file('b', 'y'))], document: { architecture: 'arm64' } });
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const hex = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

async function read(archive: Buffer, platform?: string, piece = 65_536): Promise<ArchiveImage[]> {
  const { signal } = new AbortController();
  const lease = store.store.lease('a test');
  try {
    const taken = await takeArchive(pieces(archive, piece), { contents: store.store.contents, lease, signal });
    const images: ArchiveImage[] = [];
    const wanted = platform === undefined ? undefined : parsePlatform(platform);
    for await (const image of imagesOf(taken, wanted)) images.push(image);
    return images;
  } finally {
    lease.release();
    await store.store.collect();
  }
}

async function refuses(archive: Buffer, code: ImageErrorCode, words: RegExp, platform?: string): Promise<void> {
  await assert.rejects(
    () => read(archive, platform),
    (error: unknown) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      return true;
    },
  );
  assert.deepEqual(store.store.contents.list(), []);
}

/** A docker-archive of these members, and manifest.json. */
const docker = (manifest: unknown, ...members: Member[]): Buffer =>
  tar(...members, file('manifest.json', JSON.stringify(manifest)));
const config = (image: TestImage, name = 'c.json'): Member => ({ name, data: image.config });
const entry = (more: object = {}): object => ({ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l.tar'], ...more });
const layer: Member = { name: 'l.tar', data: small.layers[0]! };

void describe('docker-archive', () => {
  void test('several images with their names, whatever the pieces and the compression are', async () => {
    const plain = archiveOf(dockerArchiveFiles({ 'one:1': small, 'reg.test/two:2': other }));
    for (const archive of [plain, gzipSync(plain), zstdCompressSync(plain)]) {
      for (const piece of [65_536, 1000]) {
        const images = await read(archive, undefined, piece);
        assert.deepEqual(
          images.map(({ config: id, names }) => ({ id, names })),
          [
            { id: small.id, names: ['docker.io/library/one:1'] },
            { id: other.id, names: ['reg.test/two:2'] },
          ],
        );
      }
    }
    const [first] = await read(plain);
    const [again] = await read(gzipSync(plain));
    assert.equal(first?.manifest.descriptor.digest, again?.manifest.descriptor.digest);
  });

  void test('layers behind links, and compressed ones', async () => {
    const links = docker(
      [entry(), entry({ RepoTags: null, Layers: ['d/one'] }), entry({ Layers: ['hard'] })],
      ...[config(small), directory('d/'), symlink('d/one', '../d/../two'), symlink('two', 'l.tar'), layer],
      hardlink('hard', 'd/one'),
    );
    const images = await read(links);
    assert.equal(new Set(images.map(({ manifest }) => manifest.descriptor.digest)).size, 1);
    assert.deepEqual(images[1]?.names, []);
    for (const [compressed, suffix] of [
      [gzipSync(small.layers[0]!), '+gzip'],
      [zstdCompressSync(small.layers[0]!), '+zstd'],
    ] as const) {
      const [image] = await read(docker([entry()], config(small), { ...layer, data: compressed }));
      const { layers } = JSON.parse(image!.manifest.bytes.toString()) as { layers: { mediaType: string }[] };
      assert.ok(layers[0]?.mediaType.endsWith(`tar${suffix}`));
    }
  });

  void test('names that lead out, links to nowhere or in circles, members twice', async () => {
    const out = /leads out of the archive|no name inside/;
    await refuses(docker([entry({ Config: '../../etc/passwd' })], config(small), layer), 'archive_invalid', out);
    await refuses(docker([entry({ Layers: ['/etc/passwd'] })], config(small), layer), 'archive_invalid', out);
    await refuses(docker([entry()], config(small), file('../l.tar')), 'archive_invalid', out);
    await refuses(docker([entry()], config(small), symlink('l.tar', '../../etc/passwd')), 'archive_invalid', out);
    await refuses(docker([entry()], config(small), symlink('l.tar', 'gone')), 'archive_invalid', /does not have/);
    const circle = docker([entry()], config(small), symlink('l.tar', 'm'), symlink('m', 'l.tar'));
    await refuses(circle, 'archive_invalid', /too many links/);
    await refuses(docker([entry()], config(small), layer, file('l.tar', 'x')), 'archive_invalid', /twice/);
    assert.equal((await read(docker([entry()], config(small), layer, layer))).length, 1);
    const device: Member = { name: 'l.tar', type: '3', major: 1, minor: 3 };
    await refuses(docker([entry()], config(small), device), 'archive_invalid', /neither a file nor a link/);
  });

  void test('what is missing, of the wrong kind, or too much', async () => {
    await refuses(docker([entry()], config(small)), 'archive_invalid', /no l\.tar/);
    await refuses(docker([entry()], layer), 'archive_invalid', /no c\.json/);
    await refuses(docker([], layer), 'archive_invalid', /none/);
    await refuses(docker({}, layer), 'archive_invalid', /not a list/);
    await refuses(docker([null], layer), 'archive_invalid', /not an object/);
    await refuses(docker([entry({ Layers: 'l.tar' })], config(small), layer), 'archive_invalid', /not a list/);
    await refuses(docker([entry({ Layers: ['l.tar', 'l.tar'] })], config(small), layer), 'manifest_invalid', /layers/);
    await refuses(docker([entry({ RepoTags: ['A B'] })], config(small), layer), 'invalid_reference', /not the name/);
    const named = entry({ RepoTags: [`a@${small.id}`] });
    await refuses(docker([named], config(small), layer), 'invalid_reference', /digest/);
    await refuses(docker([entry()], file('c.json', '[]'), layer), 'manifest_invalid', /not an object/);
    await refuses(docker(Array(1001).fill(entry()), config(small), layer), 'archive_invalid', /1001/);
    await refuses(tar(file('repositories', '{}'), layer), 'archive_invalid', /before 1\.10/);
    await refuses(tar(file('etc/passwd', 'root')), 'archive_invalid', /no image archive/);
    await refuses(Buffer.from('no archive at all'.repeat(99)), 'archive_invalid', /^the archive is not a sound tar/);
    await refuses(Buffer.alloc(0), 'archive_invalid', /no image archive/);
    const cut = gzipSync(docker([entry()], config(small), layer));
    await refuses(cut.subarray(0, -20), 'archive_invalid', /^the archive is not sound gzip/);
    await refuses(docker([entry()], config(small), layer).subarray(0, 1700), 'archive_invalid', /cut off/);
    const large = file('c.json', `{"a":"${'x'.repeat(5 * 1024 * 1024)}"}`);
    await refuses(docker([entry()], large, layer), 'too_large', /5242888 bytes/);
  });
});

void describe('oci-archive', () => {
  const OCI = 'application/vnd.oci.image';
  const withIndex = (index: object, ...images: TestImage[]): Buffer => {
    const files = layoutFiles(Object.fromEntries(images.map((image, at) => [`n${at}:1`, image])));
    return archiveOf(files.set('index.json', json({ schemaVersion: 2, ...index })));
  };
  const described = (image: TestImage, more: object = {}): object => ({ ...image.descriptor, ...more });
  const named = (name: string, key = 'io.containerd.image.name'): object => ({ annotations: { [key]: name } });

  void test('names as podman, skopeo, containerd and docker write them', async () => {
    const ref = 'org.opencontainers.image.ref.name';
    const names = async (more: object): Promise<readonly string[]> =>
      (await read(withIndex({ manifests: [described(small, more)] }, small)))[0]!.names;
    assert.deepEqual(await names(named('x/y:2')), ['docker.io/x/y:2']);
    assert.deepEqual(await names(named('localhost/y:2', ref)), ['localhost/y:2']);
    assert.deepEqual(await names(named('latest', ref)), []);
    assert.deepEqual(await names(named('Not: A Name', ref)), []);
    assert.deepEqual(await names({}), []);
    const both = { annotations: { [ref]: '2', 'io.containerd.image.name': 'docker.io/library/y:2' } };
    assert.deepEqual(await names(both), ['docker.io/library/y:2']);
    const twice = [described(small, named('a:1')), described(small, named('b:1'))];
    const images = await read(withIndex({ manifests: twice }, small));
    assert.deepEqual(
      images.map((image) => image.names),
      [['docker.io/library/a:1', 'docker.io/library/b:1']],
    );
  });

  void test('platforms: one of an index, the only one, the one that is asked for', async () => {
    const [amd, arm] = [small, other].map((image) => described(image, { platform: image.platform }));
    const inner = json({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: [amd, arm] });
    const nested = { mediaType: `${OCI}.index.v1+json`, digest: `sha256:${hex(inner)}`, size: inner.length };
    const files = layoutFiles({ 'a:1': small, 'b:1': other }).set(`blobs/sha256/${hex(inner)}`, inner);
    const archive = archiveOf(files.set('index.json', json({ schemaVersion: 2, manifests: [nested] })));
    assert.deepEqual(
      (await read(archive, 'linux/amd64')).map((image) => image.config),
      [small.id],
    );
    assert.deepEqual(
      (await read(archive, 'linux/arm64')).map((image) => image.config),
      [other.id],
    );
    await refuses(archive, 'no_such_platform', /linux\/s390x/, 'linux/s390x');
    const flat = withIndex({ manifests: [amd, arm] }, small, other);
    assert.deepEqual(
      (await read(flat, 'linux/arm64')).map((image) => image.config),
      [other.id],
    );
    assert.deepEqual(
      (await read(withIndex({ manifests: [arm] }, other))).map((image) => image.config),
      [other.id],
    );
    // Two images of one platform are two images.
    const pair = makeImage({ layers: [tar(file('z'))] });
    const unnamed = [amd, described(pair, { platform: pair.platform })];
    assert.equal((await read(withIndex({ manifests: unnamed }, small, pair))).length, 2);
  });

  void test('docker’s two layouts in one: the manifests count', async () => {
    const files = new Map([...layoutFiles({ 'a:1': small }), ...dockerArchiveFiles({ 'b:1': small })]);
    const [image] = await read(archiveOf(files));
    assert.equal(image?.manifest.descriptor.digest, small.descriptor.digest);
    assert.deepEqual(image.names, ['docker.io/library/a:1']);
  });

  void test('contents that are not what they are called, and manifests that lie', async () => {
    const files = layoutFiles({ 'a:1': small });
    const blob = `blobs/sha256/${small.layerDescriptors[0]!.digest.slice(7)}`;
    await refuses(archiveOf(new Map(files).set(blob, Buffer.from('y'))), 'digest_mismatch', /the content is/);
    const large = new Map(files).set(blob, Buffer.alloc(1_200_000));
    await refuses(archiveOf(large), 'digest_mismatch', /the content is/);
    const wrong = { manifests: [described(small, { size: 3 })] };
    await refuses(withIndex(wrong, small), 'size_mismatch', /said to have 3/);
    const gone = { manifests: [described(small, { digest: `sha256:${'0'.repeat(64)}` })] };
    await refuses(withIndex(gone, small), 'blob_not_found', /has no sha256:0/);
    await refuses(withIndex({ manifests: [] }, small), 'archive_invalid', /0 images/);
    await refuses(
      withIndex({ manifests: [described(small, { digest: 'sha256:../x' })] }),
      'manifest_invalid',
      /digest/,
    );
    const asIndex = { manifests: [described(small, { mediaType: `${OCI}.index.v1+json` })] };
    await refuses(withIndex(asIndex, small), 'media_type_mismatch', /says of itself/);
    const loop = json({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: [] });
    const empty = { mediaType: `${OCI}.index.v1+json`, digest: `sha256:${hex(loop)}`, size: loop.length };
    const withEmpty = layoutFiles({}).set(`blobs/sha256/${hex(loop)}`, loop);
    withEmpty.set('index.json', json({ schemaVersion: 2, manifests: [empty] }));
    await refuses(archiveOf(withEmpty), 'no_such_platform', /none/);
    const layout = new Map(files).set('oci-layout', json({ imageLayoutVersion: '2.0.0' }));
    await refuses(archiveOf(layout), 'archive_invalid', /imageLayoutVersion/);
    const artifact = makeImage({
      layers: [tar()],
      manifestDocument: { config: { ...small.descriptor, mediaType: 'a/b' } },
    });
    await refuses(archiveOf(layoutFiles({ 'a:1': artifact })), 'unsupported_media_type', /artifact/);
  });
});

void test('any bytes in any place of an archive are refused or read, and nothing else happens', async () => {
  const archive = archiveOf(new Map([...layoutFiles({ 'a:1': small }), ...dockerArchiveFiles({ 'b:1': small })]));
  const change = fc.record({ at: fc.nat(archive.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const damaged = Buffer.from(archive);
      for (const { at, bytes } of changes) damaged.set(bytes.subarray(0, damaged.length - at), at);
      await read(damaged).catch((error: unknown) => assert.ok(error instanceof ImageError, String(error)));
      assert.deepEqual(store.store.contents.list(), []);
    }),
    { numRuns: 150 },
  );
});
