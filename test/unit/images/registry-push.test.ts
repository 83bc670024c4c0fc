import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Descriptor } from '../../../daemon/images/manifest/descriptor.ts';
import { encodeManifest } from '../../../daemon/images/manifest/manifest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../../daemon/images/manifest/media-types.ts';
import { digestOf } from '../../../daemon/images/digest.ts';
import type { BlobSource } from '../../../daemon/images/registry/upload.ts';
import type { TestAuth } from '../../harness/registry.ts';
import { content, fails, openBench, type Bench } from './registry-client.ts';

const PIECE = 10_000;

function blobOf(bytes: Buffer): { descriptor: Descriptor; source: BlobSource; opened: number[] } {
  const opened: number[] = [];
  const source = {
    open: async function* (from: number) {
      opened.push(from);
      for (let at = from; at < bytes.length; at += PIECE) {
        await Promise.resolve();
        yield bytes.subarray(at, at + PIECE);
      }
    },
  };
  return { descriptor: { mediaType: OCI_LAYER, digest: digestOf(bytes), size: bytes.length }, source, opened };
}

function kept(bench: Bench, path: string, descriptor: Descriptor): Buffer | undefined {
  return bench.registry.blobs.get(`${path}@${descriptor.digest}`);
}

void test('a small blob is sent once, in one request', async () => {
  await using bench = await openBench();
  const bytes = content(300_000);
  const { descriptor, source, opened } = blobOf(bytes);
  const positions: number[] = [];
  const options = { onProgress: (at: number) => positions.push(at) };
  assert.equal(await bench.client.pushBlob(bench.reference, descriptor, source, options), 'uploaded');
  assert.deepEqual(kept(bench, 'team/app', descriptor), bytes);
  assert.deepEqual(opened, [0]);
  assert.equal(positions.at(-1), bytes.length);
  assert.equal(await bench.client.pushBlob(bench.reference, descriptor, source), 'exists');
  assert.deepEqual(
    bench.registry.lines(/blobs/).map((line) => line.split(' ')[0]),
    ['HEAD', 'POST', 'PUT', 'HEAD'],
  );
  const empty = blobOf(Buffer.alloc(0));
  assert.equal(await bench.client.pushBlob(bench.reference, empty.descriptor, empty.source), 'uploaded');
  assert.equal(kept(bench, 'team/app', empty.descriptor)?.length, 0);
});

void test('a blob is sent in pieces where that is asked for, by us or by the registry', async () => {
  for (const [options, chunkMinimum, pieces] of [
    [{ chunkSize: 100_000 }, undefined, 3],
    [{ chunkSize: 100_000 }, 200_000, 2],
    [{}, 200_000, 0],
  ] as const) {
    await using bench = await openBench(chunkMinimum === undefined ? {} : { chunkMinimum });
    const bytes = content(300_000);
    const { descriptor, source } = blobOf(bytes);
    assert.equal(await bench.client.pushBlob(bench.reference, descriptor, source, options), 'uploaded');
    assert.deepEqual(kept(bench, 'team/app', descriptor), bytes);
    const patches = bench.registry.asked.filter(({ line }) => line.startsWith('PATCH'));
    assert.equal(patches.length, pieces);
    if (pieces === 3) assert.equal(patches[1]?.headers['content-range'], '100000-199999');
  }
});

void test('an upload that breaks goes on where the registry has come to', async () => {
  await using bench = await openBench();
  const bytes = content(1_600_000);
  const { descriptor, source, opened } = blobOf(bytes);
  bench.registry.misbehave(/^(PUT|PATCH)/, { kind: 'break', after: 700_000 }, 2);
  assert.equal(await bench.client.pushBlob(bench.reference, descriptor, source), 'uploaded');
  assert.deepEqual(kept(bench, 'team/app', descriptor), bytes);
  assert.equal(opened.length, 3);
  assert.deepEqual(
    opened.map((at) => at % 700_000),
    [0, 0, 0],
  );
  assert.equal(bench.registry.lines(/^POST/).length, 1);
});

void test('an upload that the registry has forgotten begins anew, and ends in time', async () => {
  await using bench = await openBench({ limits: { attempts: 3 } });
  const bytes = content(100_000);
  const { descriptor, source } = blobOf(bytes);
  bench.registry.misbehave(/^PUT/, { kind: 'break', after: 50_000 }, 1);
  bench.registry.misbehave(/^GET .*uploads/, { kind: 'status', status: 404 }, 1);
  assert.equal(await bench.client.pushBlob(bench.reference, descriptor, source), 'uploaded');
  assert.equal(bench.registry.lines(/^POST/).length, 2);
  const other = blobOf(content(100_000, 2));
  bench.registry.misbehave(/^PUT/, { kind: 'status', status: 404 });
  const pushing = bench.client.pushBlob(bench.reference, other.descriptor, other.source);
  await fails(pushing, 'registry_failed', /lost the upload again and again/);
  assert.equal(bench.registry.lines(/^POST/).length, 5);
});

void test('a blob of another repository is taken over, and sent where it is not there', async () => {
  const auth: TestAuth = { kind: 'token', users: { me: 'secret' } };
  const credential = { kind: 'password', username: 'me', password: 'secret' } as const;
  await using bench = await openBench({ auth, credential });
  const bytes = content(100_000);
  const { descriptor, source, opened } = blobOf(bytes);
  bench.registry.addBlob('base/image', bytes);
  const mountFrom = ['nothing/here', 'team/app', 'base/image'];
  assert.equal(await bench.client.pushBlob(bench.reference, descriptor, source, { mountFrom }), 'mounted');
  assert.deepEqual(opened, []);
  assert.equal(bench.registry.lines(/^POST/).length, 2);
  assert.equal(bench.registry.lines(/^DELETE .*uploads/).length, 1);
  const other = blobOf(content(50_000, 3));
  assert.equal(await bench.client.pushBlob(bench.reference, other.descriptor, other.source, { mountFrom }), 'uploaded');
  assert.deepEqual(kept(bench, 'team/app', other.descriptor), content(50_000, 3));
});

void test('a token that ends between two requests of a push is got anew', async () => {
  const auth: TestAuth = { kind: 'token', users: { me: 'secret' } };
  const credential = { kind: 'password', username: 'me', password: 'secret' } as const;
  await using bench = await openBench({ auth, credential });
  const bytes = content(100_000);
  const { descriptor, opened, source } = blobOf(bytes);
  const revoking = {
    open: (from: number) => {
      if (opened.length === 0) bench.registry.gate.revoke();
      return source.open(from);
    },
  };
  assert.equal(await bench.client.pushBlob(bench.reference, descriptor, revoking, { chunkSize: 70_000 }), 'uploaded');
  assert.deepEqual(kept(bench, 'team/app', descriptor), bytes);
});

void test('what a push cannot go on with', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const bytes = content(100_000);
  const { descriptor, source } = blobOf(bytes);
  const broken = { open: () => blobOf(bytes.subarray(0, 50_000)).source.open(0) };
  await fails(client.pushBlob(reference, descriptor, broken), 'store_damaged', /ends after 50000 bytes/);
  const failing = {
    open: async function* () {
      yield bytes.subarray(0, 10);
      throw await Promise.resolve(new Error('the disk is on fire'));
    },
  };
  await assert.rejects(client.pushBlob(reference, descriptor, failing), /the disk is on fire/);
  const lying = { open: () => blobOf(content(100_000, 9)).source.open(0) };
  await fails(client.pushBlob(reference, descriptor, lying), 'digest_mismatch', /DIGEST_INVALID/);
  assert.equal(kept(bench, 'team/app', descriptor), undefined);
  registry.misbehave(/^HEAD/, { kind: 'headers', headers: { 'content-length': '7' } }, 1);
  registry.addBlob('team/app', bytes);
  await fails(client.pushBlob(reference, descriptor, source), 'size_mismatch', /has 7 bytes of it/);
  registry.blobs.clear();
  for (const location of ['http://elsewhere.example/upload', 'file:///x']) {
    registry.misbehave(/^POST/, { kind: 'headers', headers: { location } }, 1);
    await fails(client.pushBlob(reference, descriptor, source), 'redirect_refused', /sends us to/);
  }
  registry.misbehave(/^POST/, { kind: 'status', status: 403, body: '{"errors":[{"code":"DENIED"}]}' }, 1);
  await fails(client.pushBlob(reference, descriptor, source), 'access_denied', /DENIED/);
  registry.misbehave(/^POST/, { kind: 'status', status: 202 }, 1);
  await fails(client.pushBlob(reference, descriptor, source), 'registry_invalid', /names no place/);
});

void test('a registry that takes no more is left in time, and whoever asks may stop', async () => {
  await using bench = await openBench({ limits: { answerTimeout: 2000, attempts: 1 } });
  const bytes = content(4_000_000);
  const { descriptor, source } = blobOf(bytes);
  bench.registry.misbehave(/^PUT/, { kind: 'silent' });
  const pushing = bench.client.pushBlob(bench.reference, descriptor, source);
  await fails(pushing, 'registry_unreachable', /does not answer/);
  const controller = new AbortController();
  const reason = new Error('not wanted');
  const options = { signal: controller.signal, onProgress: () => controller.abort(reason) };
  await assert.rejects(bench.client.pushBlob(bench.reference, descriptor, source, options), reason);
});

void test('a manifest is put by tag and by digest, and what the registry keeps is what was sent', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const config = { mediaType: OCI_CONFIG, digest: digestOf('{}'), size: 2 };
  const manifest = encodeManifest({ kind: 'manifest', mediaType: OCI_MANIFEST, config, layers: [] });
  await client.pushManifest(reference, 'v1', manifest);
  await client.pushManifest(reference, manifest.digest, manifest);
  assert.deepEqual(await client.resolve({ ...reference, tag: 'v1' }), manifest.descriptor);
  assert.equal(await client.hasManifest(reference, manifest.digest), true);
  assert.equal(await client.hasManifest(reference, digestOf('x')), false);
  await fails(client.pushManifest(reference, digestOf('x'), manifest), 'digest_mismatch', /another/);
  const headers = { 'docker-content-digest': digestOf('y') };
  registry.misbehave(/^PUT .*manifests/, { kind: 'headers', headers }, 1);
  await fails(client.pushManifest(reference, 'v2', manifest), 'digest_mismatch', /keeps it as sha256/);
  const body = '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"\\u001b[31mblob unknown"}]}';
  registry.misbehave(/^PUT .*manifests/, { kind: 'status', status: 404, body }, 1);
  const error = await fails(client.pushManifest(reference, 'v2', manifest), 'blob_not_found', /blob unknown/);
  assert.ok(!error.message.includes('\u001b'));
});
