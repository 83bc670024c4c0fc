import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../daemon/images/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../daemon/images/manifest/media-types.ts';
import { REAL_PACE } from '../../../daemon/images/registry/retry.ts';
import { TestRegistry } from '../../harness/registry.ts';
import { until } from '../../harness/until.ts';
import { addImage, collect, content, fails, openBench } from './registry-client.ts';

void test('a tag is resolved, its manifest, configuration and layer are fetched', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const { manifest, layer } = addImage(registry, content(300_000));
  assert.deepEqual(await client.resolve(reference), manifest);
  assert.deepEqual(registry.lines(/manifests/), ['HEAD /v2/team/app/manifests/1']);
  const fetched = await client.fetchManifest(reference);
  assert.deepEqual(fetched.descriptor, manifest);
  assert.deepEqual((await client.fetchDescribed(reference, manifest)).bytes, fetched.bytes);
  const positions: number[] = [];
  const { stream, from } = await client.fetchBlob(reference, layer, { onProgress: (at) => positions.push(at) });
  assert.equal(from, 0);
  assert.equal(digestOf(await collect(stream)), layer.digest);
  assert.equal(positions.at(-1), layer.size);
  assert.deepEqual(
    positions,
    positions.toSorted((left, right) => left - right),
  );
  assert.equal(await client.hasBlob(reference, layer.digest), true);
  assert.equal(await client.hasBlob(reference, digestOf('nothing')), false);
  assert.equal((await client.readBlob(reference, { ...layer })).length, layer.size);
});

void test('a registry that answers no header requests is asked for the manifest itself', async () => {
  await using bench = await openBench();
  const { manifest } = addImage(bench.registry, content(10));
  bench.registry.misbehave(/^HEAD .*manifests/, { kind: 'headers', headers: { 'docker-content-digest': '' } });
  assert.deepEqual(await bench.client.resolve(bench.reference), manifest);
});

void test('the rest of a blob is fetched where a part is there, and the whole where parts are not given', async () => {
  for (const ranges of [true, false]) {
    await using bench = await openBench({ ranges });
    const bytes = content(200_000);
    const { layer } = addImage(bench.registry, bytes);
    const { stream, from } = await bench.client.fetchBlob(bench.reference, layer, { from: 120_000 });
    assert.equal(from, ranges ? 120_000 : 0);
    assert.deepEqual(await collect(stream), bytes.subarray(from));
    assert.equal(bench.registry.sent, bytes.length - from);
    const all = await bench.client.fetchBlob(bench.reference, layer, { from: bytes.length });
    assert.equal(all.from, 0);
    await all.stream.return();
  }
});

void test('a connection that breaks is made again, and only the rest comes', async () => {
  for (const ranges of [true, false]) {
    await using bench = await openBench({ ranges });
    const bytes = content(400_000);
    const { layer } = addImage(bench.registry, bytes);
    bench.registry.misbehave(/^GET .*blobs/, { kind: 'break', after: 100_000 }, 2);
    const { stream } = await bench.client.fetchBlob(bench.reference, layer);
    assert.deepEqual(await collect(stream), bytes);
    const asked = bench.registry.asked.filter(({ line }) => line.includes('blobs'));
    assert.equal(asked.length, 3);
    assert.match(asked[1]?.headers.range ?? '', /^bytes=[1-9]/);
    // Where parts are not given the second break is where the first was, and brings nothing new.
    assert.equal(bench.pauses.length, 2);
  }
});

void test('a blob that breaks again and again without getting on is given up', async () => {
  await using bench = await openBench({ limits: { attempts: 3 } });
  const { layer } = addImage(bench.registry, content(100_000));
  bench.registry.misbehave(/^GET .*blobs/, { kind: 'break', after: 1000 });
  const { stream } = await bench.client.fetchBlob(bench.reference, layer);
  await fails(collect(stream), 'registry_unreachable', /the connection broke/);
  assert.equal(bench.registry.lines(/blobs/).length, 3);
});

void test('what is not there: repository, tag, digest, blob', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const { layer } = addImage(registry, content(10));
  const missing = { ...reference, tag: '2' };
  await fails(client.resolve(missing), 'image_not_found', /team\/app:2: 127\.0\.0\.1:[0-9]+ answered 404/);
  await fails(client.fetchManifest(missing), 'image_not_found', /MANIFEST_UNKNOWN: manifest_unknown of a test/);
  await fails(client.fetchManifest({ ...reference, digest: digestOf('x') }), 'image_not_found', /@sha256:/);
  await fails(client.fetchBlob({ ...reference, path: 'x' }, layer), 'blob_not_found', /BLOB_UNKNOWN/);
  assert.equal(bench.pauses.length, 0);
});

void test('tags are listed page by page', async () => {
  await using bench = await openBench();
  for (const tag of ['1', '2', '3', '4', '5']) bench.registry.addManifest('team/app', tag, {}, OCI_MANIFEST);
  assert.deepEqual(await bench.client.listTags(bench.reference), ['1', '2', '3', '4', '5']);
  await fails(bench.client.listTags({ ...bench.reference, path: 'none' }), 'image_not_found', /404/);
});

void test('a mirror is asked first, and the registry where the mirror fails or lies', async () => {
  await using mirror = await TestRegistry.open();
  const failures: string[] = [];
  await using bench = await openBench({
    settings: (host) => ({ [host]: { mirrors: [`http://${mirror.host}/copy/of`] } }),
    credential: { kind: 'password', username: 'a', password: 'b' },
    client: { onMirrorFailure: (name, error) => failures.push(`${name} ${error.code}`) },
  });
  const { client, reference, registry } = bench;
  const bytes = content(50_000);
  const { manifest, layer } = addImage(registry, bytes);
  assert.deepEqual(await client.resolve(reference), manifest);
  assert.deepEqual(failures, [`${mirror.host} image_not_found`]);
  assert.equal(mirror.lines()[0], 'HEAD /v2/copy/of/team/app/manifests/1');
  mirror.addBlob('copy/of/team/app', bytes);
  assert.deepEqual(await collect((await client.fetchBlob(reference, layer)).stream), bytes);
  assert.equal(registry.lines(/blobs/).length, 0);
  // A mirror that breaks off for good is followed by the registry, which sends the rest.
  mirror.misbehave(/blobs/, { kind: 'break', after: 1000 });
  assert.deepEqual(await collect((await client.fetchBlob(reference, layer)).stream), bytes);
  assert.ok(registry.sent < bytes.length && registry.sent > 0);
  mirror.behave();
  // Content that is not its digest.
  mirror.manifests.set(`copy/of/team/app@${manifest.digest}`, { bytes: Buffer.from('{}'), mediaType: OCI_MANIFEST });
  assert.deepEqual((await client.fetchDescribed(reference, manifest)).descriptor, manifest);
  assert.equal(failures.at(-1), `${mirror.host} size_mismatch`);
  assert.ok(mirror.asked.every(({ headers }) => headers.authorization === undefined));
  const before = mirror.asked.length;
  await (await client.fetchBlob(reference, layer, { mirrors: false })).stream.return();
  assert.equal(mirror.asked.length, before);
});

void test('a mirror that cannot be reached is asked once', async () => {
  const gone = await TestRegistry.open();
  await gone[Symbol.asyncDispose]();
  const failures: string[] = [];
  await using bench = await openBench({
    settings: (host) => ({ [host]: { mirrors: [`http://${gone.host}`] } }),
    client: { onMirrorFailure: (_, error) => failures.push(error.code) },
  });
  const { manifest } = addImage(bench.registry, content(10));
  for (let count = 0; count < 3; count++) assert.deepEqual(await bench.client.resolve(bench.reference), manifest);
  assert.deepEqual(failures, ['registry_unreachable']);
});

void test('an index is fetched as what it is', async () => {
  await using bench = await openBench();
  const { manifest } = addImage(bench.registry, content(10));
  const platform = { os: 'linux', architecture: 'amd64' };
  const document = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...manifest, platform }] };
  const index = bench.registry.addManifest('team/app', 'all', document, OCI_INDEX);
  const fetched = await bench.client.fetchManifest({ ...bench.reference, tag: 'all' });
  assert.deepEqual(fetched.descriptor, index);
});

void test('whoever asks may stop asking', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const { layer } = addImage(registry, content(200_000));
  const reason = new Error('no longer wanted');
  const aborted = AbortSignal.abort(reason);
  await assert.rejects(client.resolve(reference, { signal: aborted }), reason);
  for (const kind of ['silent', 'stall'] as const) {
    registry.misbehave(/^GET .*blobs/, kind === 'stall' ? { kind, after: 1000 } : { kind }, 1);
    const controller = new AbortController();
    const { signal } = controller;
    const asked = registry.asked.length;
    const reading = (async () => {
      const { stream } = await client.fetchBlob(reference, layer, {
        signal,
        onProgress: () => {
          controller.abort(reason);
        },
      });
      return collect(stream);
    })();
    if (kind === 'silent') {
      await until('the registry was asked', () => registry.asked.length > asked);
      controller.abort(reason);
    }
    await assert.rejects(reading, reason);
  }
});

void test('a pause between two tries ends when nobody waits any more', async () => {
  await using bench = await openBench({ client: { pace: REAL_PACE } });
  bench.registry.misbehave(/manifests/, { kind: 'status', status: 503, retryAfter: '60' });
  const controller = new AbortController();
  const reason = new Error('no longer wanted');
  const resolving = bench.client.resolve(bench.reference, { signal: controller.signal });
  await until('the registry was asked', () => bench.registry.lines(/manifests/).length > 0);
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(resolving, reason);
});
