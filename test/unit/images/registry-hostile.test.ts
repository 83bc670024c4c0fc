/** Registries that lie, stall, flood and send us elsewhere: a clear error, soon, and never more than was to come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../daemon/images/digest.ts';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../daemon/images/manifest/media-types.ts';
import { REAL_PACE } from '../../../daemon/images/registry/retry.ts';
import type { RegistriesSettings } from '../../../daemon/images/registry/settings.ts';
import { makeCertificate } from '../../harness/certificate.ts';
import { TestRegistry } from '../../harness/registry.ts';
import { addImage, collect, content, fails, openBench } from './registry-client.ts';

void test('lies about a manifest: digest, size, media type', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const { manifest } = addImage(registry, content(10));
  const other = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers: [] }));
  const lie = (bytes: Uint8Array, mediaType: string, digest?: string): void => {
    registry.behave();
    const headers = { 'content-type': mediaType, ...(digest === undefined ? {} : { 'docker-content-digest': digest }) };
    registry.misbehave(/manifests/, { kind: 'content', bytes, headers });
  };
  lie(other, OCI_MANIFEST, manifest.digest);
  await fails(client.fetchManifest(reference), 'digest_mismatch', /sends sha256:.*, not sha256:/);
  lie(other, OCI_MANIFEST);
  await fails(client.fetchManifest({ ...reference, digest: manifest.digest }), 'digest_mismatch', /sends sha256/);
  await fails(client.fetchDescribed(reference, manifest), 'size_mismatch', /bytes, not [0-9]+/);
  lie(other, OCI_MANIFEST, 'sha256:../x');
  await fails(client.fetchManifest(reference), 'registry_invalid', /"sha256:\.\.\/x" as its digest/);
  const own = { ...manifest, digest: digestOf(other), size: other.length };
  lie(other, OCI_INDEX);
  await fails(client.fetchDescribed(reference, own), 'media_type_mismatch', /calls it .*index/);
  await fails(client.fetchManifest(reference), 'media_type_mismatch', /says of itself/);
  lie(other, DOCKER_MANIFEST);
  await fails(client.fetchManifest(reference), 'media_type_mismatch', /given as .*docker/);
  lie(other, 'application/vnd.docker.distribution.manifest.v1+prettyjws');
  await fails(client.fetchManifest(reference), 'unsupported_media_type', /schema 1/);
  lie(Buffer.from('<html>'), 'text/html');
  await fails(client.fetchManifest(reference), 'unsupported_media_type', /text\/html/);
  await fails(client.resolve(reference), 'unsupported_media_type', /text\/html/);
  lie(Buffer.from('{"a":'.repeat(50_000)), OCI_MANIFEST);
  await fails(client.fetchManifest(reference), 'manifest_invalid', /deeper/);
  assert.equal(bench.pauses.length, 0);
});

void test('lies about a blob: more, less, another part, another size', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const bytes = content(100_000);
  const { layer } = addImage(registry, bytes);
  const read = async (from = 0): Promise<Buffer> =>
    collect((await client.fetchBlob(reference, layer, { from })).stream);
  const blob = /^GET .*blobs/;
  registry.misbehave(blob, { kind: 'content', bytes: content(99_999) }, 1);
  await fails(read(), 'size_mismatch', /sends 99999 bytes, and 100000 are to come/);
  registry.misbehave(blob, { kind: 'content', bytes: content(100_001) }, 1);
  await fails(read(), 'size_mismatch', /sends 100001 bytes/);
  const chunked = { 'transfer-encoding': 'chunked' };
  registry.misbehave(blob, { kind: 'content', bytes: content(99_999), headers: chunked }, 1);
  await fails(read(), 'size_mismatch', /sends 99999 bytes, and it is to be 100000 bytes long/);
  registry.misbehave(blob, { kind: 'headers', headers: { 'content-range': 'bytes 0-99999/100000' } }, 1);
  await fails(read(50_000), 'registry_invalid', /asked for the bytes from 50000 and sends others/);
  registry.misbehave(blob, { kind: 'headers', headers: { 'content-range': 'bytes 50000-99999/200000' } }, 1);
  await fails(read(50_000), 'size_mismatch', /has 200000 bytes of it/);
  registry.misbehave(blob, { kind: 'headers', headers: { 'content-encoding': 'gzip' } }, 1);
  await fails(read(), 'registry_invalid', /packed/);
  registry.misbehave(blob, { kind: 'content', bytes: content(100_000, 2) }, 1);
  await fails(client.readBlob(reference, layer), 'digest_mismatch', /the content is sha256/);
  const vast = { ...layer, size: 2 ** 40 };
  await fails(client.fetchBlob(reference, vast), 'too_large', /1099511627776/);
  await fails(client.readBlob(reference, { ...layer, size: 5_000_000 }), 'too_large', /more than 4194304/);
});

void test('bodies without an end are left as soon as they are more than they should be', async () => {
  await using bench = await openBench();
  const { client, reference, registry } = bench;
  const { layer, manifest } = addImage(registry, content(1_000_000));
  registry.misbehave(/./, { kind: 'endless' });
  const { stream } = await client.fetchBlob(reference, layer);
  let taken = 0;
  const reading = (async () => {
    for await (const piece of stream) taken += piece.length;
  })();
  await fails(reading, 'size_mismatch', /sends more than the 1000000 bytes/);
  assert.ok(taken <= 1_000_000);
  await fails(client.fetchDescribed(reference, manifest), 'too_large', /sends more than 4194304 bytes/);
  await fails(client.listTags(reference), 'too_large', /sends more than/);
});

void test('silence has an end, and a trickle too', async () => {
  const settings = (host: string): RegistriesSettings => ({ [host]: { plainHttp: true } });
  await using silent = await openBench({ settings, limits: { answerTimeout: 200, attempts: 1 } });
  silent.registry.misbehave(/./, { kind: 'silent' });
  const { layer } = addImage(silent.registry, content(100_000));
  await fails(silent.client.resolve(silent.reference), 'registry_unreachable', /127.0.0.1:[0-9]+: it does not answer/);
  await fails(silent.client.fetchBlob(silent.reference, layer), 'registry_unreachable', /does not answer/);
  await using bench = await openBench({ settings, limits: { stallTimeout: 200, documentTimeout: 1000, attempts: 1 } });
  const { client, reference, registry } = bench;
  addImage(registry, content(100_000));
  const read = async (): Promise<Buffer> => collect((await client.fetchBlob(reference, layer)).stream);
  registry.misbehave(/./, { kind: 'stall', after: 10 });
  await fails(read(), 'registry_unreachable', /it has gone silent/);
  await fails(client.fetchManifest(reference), 'registry_unreachable', /it has gone silent/);
  registry.behave();
  registry.misbehave(/./, { kind: 'trickle', every: 20 });
  await fails(client.fetchManifest(reference), 'registry_unreachable', /it has gone silent/);
  await fails(read(), 'registry_unreachable', /it has gone silent/);
  await using late = await openBench({ settings, limits: { documentTimeout: 200, attempts: 1 } });
  late.registry.misbehave(/./, { kind: 'trickle', every: 20 });
  await fails(late.client.fetchManifest(late.reference), 'registry_unreachable', /its answer took too long/);
});

void test('a slow consumer is not taken for a slow registry', async () => {
  await using bench = await openBench({ limits: { stallTimeout: 1000, attempts: 1 } });
  const bytes = content(3_000_000);
  const { layer } = addImage(bench.registry, bytes);
  const { stream } = await bench.client.fetchBlob(bench.reference, layer);
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) {
    if (pieces.length === 0) await REAL_PACE.sleep(1300, undefined);
    pieces.push(piece);
  }
  assert.deepEqual(Buffer.concat(pieces), bytes);
});

void test('a registry that is busy is asked again, when it says', async () => {
  await using bench = await openBench();
  const { client, reference, registry, pauses } = bench;
  const { manifest } = addImage(registry, content(10));
  registry.misbehave(/manifests/, { kind: 'status', status: 429, retryAfter: '7' }, 1);
  registry.misbehave(/manifests/, { kind: 'status', status: 503 }, 2);
  assert.deepEqual(await client.resolve(reference), manifest);
  assert.deepEqual(pauses, [7000, 750, 1500]);
  registry.misbehave(/manifests/, { kind: 'status', status: 429, retryAfter: '3600' }, 1);
  await fails(client.resolve(reference), 'rate_limited', /asks to wait 3600 s, which is too long/);
  registry.misbehave(/manifests/, { kind: 'status', status: 500, body: '{"errors":[{"code":"UNKNOWN"}]}' });
  await fails(client.fetchManifest(reference), 'registry_failed', /answered 500 \(UNKNOWN\)/);
  assert.equal(pauses.length, 7);
  registry.behave();
  registry.misbehave(/manifests/, { kind: 'garbage' });
  await fails(client.fetchManifest(reference), 'registry_invalid', /not HTTP/);
});

void test('redirects: followed, not for ever, not to where we do not go', async () => {
  const tls = makeCertificate();
  await using other = await TestRegistry.open();
  await using bench = await openBench({
    tls,
    settings: (host) => ({ [host]: { ca: tls.cert } }),
    auth: { kind: 'basic', users: { me: 'secret' } },
    credential: { kind: 'password', username: 'me', password: 'secret' },
  });
  await using away = await openBench({
    auth: { kind: 'basic', users: { me: 'secret' } },
    credential: { kind: 'password', username: 'me', password: 'secret' },
  });
  const { layer } = addImage(away.registry, content(1000));
  other.addBlob('team/app', content(1000));
  const target = `${other.origin}/v2/team/app/blobs/${layer.digest}`;
  await away.client.hasBlob(away.reference, layer.digest);
  away.registry.misbehave(/^GET .*blobs/, { kind: 'redirect', to: target }, 1);
  assert.equal((await away.client.readBlob(away.reference, layer)).length, 1000);
  assert.ok(other.asked.every(({ headers }) => headers.authorization === undefined));
  assert.ok(away.registry.asked.some(({ headers }) => headers.authorization !== undefined));
  away.registry.misbehave(/^GET .*blobs/, { kind: 'redirect', to: `/v2/team/app/blobs/${layer.digest}` });
  await fails(away.client.readBlob(away.reference, layer), 'redirect_refused', /redirects more than 8 times/);
  for (const to of [
    'file:///etc/passwd',
    'ftp://x/',
    'http://u:p@127.0.0.1/',
    'http://metadata.example/',
    'http://[',
  ]) {
    away.registry.behave();
    away.registry.misbehave(/^GET .*blobs/, { kind: 'redirect', to });
    const error = await away.client.readBlob(away.reference, layer).catch((reason: unknown) => reason as Error);
    assert.match((error as Error).message, /sends us to|no place/, to);
  }
  // From TLS into the clear.
  addImage(bench.registry, content(1000));
  assert.equal((await bench.client.readBlob(bench.reference, layer)).length, 1000);
  bench.registry.misbehave(/^GET .*blobs/, { kind: 'redirect', to: target });
  await fails(bench.client.readBlob(bench.reference, layer), 'redirect_refused', /it is not encrypted/);
});

void test('loopback is spoken to with TLS where it has it, and a certificate nobody knows is not taken', async () => {
  const tls = makeCertificate();
  await using bench = await openBench({ tls });
  addImage(bench.registry, content(10));
  await fails(bench.client.resolve(bench.reference), 'registry_unreachable', /certificate is not trusted/);
  assert.equal(bench.registry.asked.length, 0);
  await using lax = await openBench({ tls, settings: (host) => ({ [host]: { skipVerify: true } }) });
  const { manifest } = addImage(lax.registry, content(10));
  assert.deepEqual(await lax.client.resolve(lax.reference), manifest);
});

void test('nobody there', async () => {
  const gone = await openBench();
  await gone.registry[Symbol.asyncDispose]();
  await fails(gone.client.resolve(gone.reference), 'registry_unreachable', /the connection was refused/);
  assert.equal(gone.pauses.length, 0);
});
