/** Loading, saving and importing over the API: what comes of it, what is told, and what is left of what fails. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { TarEntry } from '../../daemon/images/tar/entry.ts';
import { TarReader } from '../../daemon/images/tar/reader.ts';
import type { Event } from '../../shared/api/event.ts';
import type { ImageDetail, ImageHistoryEntry, ImageSummary } from '../../shared/api/image.ts';
import { TestDaemon } from '../harness/daemon.ts';
import {
  dockerArchive,
  importFrom,
  loadFrom,
  makeImage,
  ociArchive,
  oddImage,
  progressOf,
  saveFrom,
  type TestImage,
} from '../harness/images.ts';
import { file, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const base = file('base', 'b'.repeat(2_000_000));
/** Of two layers, the lower one of which all of them share. */
const imageOf = (name: string): TestImage => makeImage({ layers: [tar(base), tar(file(name, name))] });
const names = async (): Promise<string[]> =>
  (await daemon.client.must<ImageSummary[]>('GET', '/v1/images')).flatMap((image) => image.names).sort();
const inspect = (name: string): Promise<ImageDetail> =>
  daemon.client.must('GET', `/v1/images/${encodeURIComponent(name)}`);

/** Everything the store has of contents and layers, on the disk. */
function kept(): string[] {
  const at = (...path: string[]): string[] => readdirSync(join(daemon.root, 'images', ...path));
  return [...at('blobs/sha256'), ...at('layers'), ...at('ingest'), ...at('unpack')].sort();
}

async function nothingMore(before: readonly string[]): Promise<void> {
  await until('nothing of it is kept', () => JSON.stringify(kept()) === JSON.stringify(before));
}

function entriesOf(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  const reader = new TarReader({ begin: (entry) => entries.push(entry), data: () => undefined, end: () => undefined });
  reader.push(archive);
  reader.finish();
  return entries;
}

async function eventsOf(...actions: string[]): Promise<Event[]> {
  const query = new URLSearchParams({ since: '0', until: (Date.now() / 1000).toFixed(3) });
  for (const action of actions) query.append('action', action);
  const { body } = await daemon.client.send<string>('GET', `/v1/events?${query.toString()}`, undefined, {
    accept: 'application/x-ndjson',
  });
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);
}

describe('load and save', () => {
  const [one, two] = [imageOf('one'), imageOf('two')];

  test('several images; an archive of each form says the same again', async () => {
    const archive = dockerArchive({ 'one:1': one, 'reg.test/two:2': two });
    const { status, body } = await loadFrom(daemon, zstdCompressSync(archive));
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(
      body.images.map(({ id, names: told }) => [id, told]),
      [
        [one.id, ['one:1']],
        [two.id, ['reg.test/two:2']],
      ],
    );
    for (const format of ['docker-archive', 'oci-archive'] as const) {
      const saved = await saveFrom(daemon, ['one:1', two.id, 'reg.test/two:2'], format);
      assert.ok(saved.equals(await saveFrom(daemon, ['one:1', two.id, 'reg.test/two:2'], format)));
      const members = entriesOf(saved);
      assert.equal(new Set(members.map(({ name }) => name)).size, members.length);
      // The layer that both have is there once.
      assert.equal(members.filter(({ size }) => size > 2_000_000).length, 1);
      const again = await loadFrom(daemon, saved);
      assert.deepEqual(again.body.images, body.images);
    }
  });

  test('a repository’s every tag; an image by its id has no name', async () => {
    await loadFrom(daemon, dockerArchive({ 'tags:a': one, 'tags:b': one, 'tags:c': two }));
    const manifest = async (images: string[]): Promise<unknown> => {
      const saved = await saveFrom(daemon, images);
      return (JSON.parse(saved.toString('latin1', 512, saved.indexOf(0, 512))) as { RepoTags: unknown }[]).map(
        ({ RepoTags }) => RepoTags,
      );
    };
    assert.deepEqual(await manifest(['tags']), [['tags:a', 'tags:b'], ['tags:c']]);
    assert.deepEqual(await manifest([two.id, 'one:1']), [null, ['one:1']]);
    await assert.rejects(saveFrom(daemon, ['one:1', 'gone:1']), /404.*image_not_found/);
  });

  test('an oci-archive keeps its manifest and compressed layers', async () => {
    const odd = oddImage();
    const { body } = await loadFrom(daemon, ociArchive({ 'odd:1': odd }));
    assert.equal(body.images[0]?.manifest, odd.descriptor.digest);
    const saved = await saveFrom(daemon, ['odd:1'], 'oci-archive');
    for (const digest of [odd.descriptor.digest, ...odd.blobs.keys()]) assert.ok(saved.includes(digest.slice(7)));
    // What a docker-archive has of it is the same image under the name that it says.
    const again = await loadFrom(daemon, dockerArchive({ 'odd:2': odd }));
    assert.deepEqual(again.body.images, [{ id: odd.id, manifest: odd.descriptor.digest, names: ['odd:2'] }]);
  });

  test('progress, and events', async () => {
    const image = imageOf('told');
    const { body } = await daemon.client.send<string>('POST', '/v1/images/load', dockerArchive({ 'told:1': image }), {
      'content-type': 'application/x-tar',
      accept: 'application/x-ndjson',
    });
    const items = progressOf(body);
    assert.ok(items.some(({ status }) => status === 'reading'));
    assert.equal((items.at(-1)?.result as { images: { id: string }[] }).images[0]?.id, image.id);
    await saveFrom(daemon, ['told:1']);
    const events = (await eventsOf('image_load', 'image_save')).filter(({ name }) => name === 'told:1');
    assert.deepEqual(
      events.map((event) => [event.action, event.image]),
      [
        ['image_load', image.id],
        ['image_save', image.id],
      ],
    );
  });
});

describe('what is refused leaves nothing', () => {
  test('layers that are not what the configuration says, unsound ones, no archive, another platform', async () => {
    const before = [await names(), kept()] as const;
    const big = tar({ name: 'big', data: Buffer.alloc(1_500_000, 'x') });
    const lying = makeImage({ layers: [{ tar: big, diffId: `sha256:${'0'.repeat(64)}` }] });
    const unsound = makeImage({ layers: [Buffer.alloc(1_500_000, 'x')] });
    const escaping = makeImage({ layers: [tar(file('../../escaped', 'x'))] });
    for (const [archive, code] of [
      [dockerArchive({ 'bad:1': lying }), 'digest_mismatch'],
      [ociArchive({ 'bad:1': lying }), 'digest_mismatch'],
      [dockerArchive({ 'bad:1': unsound }), 'layer_invalid'],
      [ociArchive({ 'bad:1': escaping }), 'layer_invalid'],
      [tar({ name: 'big', data: Buffer.alloc(1_500_000) }), 'archive_invalid'],
      [Buffer.from('nothing of the kind'), 'archive_invalid'],
    ] as const) {
      const { status, body } = await loadFrom(daemon, archive);
      assert.equal(body.code, code, JSON.stringify(body));
      assert.ok(status >= 400 && status < 500);
    }
    const other = await daemon.client.send<{ code: string }>(
      'POST',
      '/v1/images/load?platform=linux/s390x',
      dockerArchive({ 'bad:1': imageOf('bad') }),
      { 'content-type': 'application/x-tar' },
    );
    assert.equal(other.body.code, 'no_such_platform');
    assert.deepEqual(await names(), before[0]);
    await nothingMore(before[1]);
  });

  test('a client that goes in the middle of a load, or of a save', async () => {
    const before = kept();
    const archive = dockerArchive({
      'half:1': makeImage({ layers: [tar({ name: 'h', data: Buffer.alloc(3_000_000, 'h') })] }),
    });
    const sent = request({
      ...{ socketPath: daemon.socket, method: 'POST', path: '/v1/images/load' },
      headers: { 'content-type': 'application/x-tar', 'content-length': archive.length },
    });
    sent.on('error', () => undefined);
    sent.write(archive.subarray(0, 2_500_000));
    await until('its layer is on the way', () => readdirSync(join(daemon.root, 'images/ingest')).length > 0);
    sent.destroy();
    await nothingMore(before);

    const answer = await daemon.client.open('POST', '/v1/images/save', { images: ['one:1'] });
    await once(answer, 'readable');
    answer.destroy();
    // Nothing holds it any more: it goes with its names.
    const image = imageOf('saved');
    await loadFrom(daemon, dockerArchive({ 'saved:1': image }));
    const stopped = await daemon.client.open('POST', '/v1/images/save', { images: ['saved:1'] });
    stopped.destroy();
    const { layers } = await inspect('saved:1');
    await daemon.client.must('DELETE', '/v1/images/saved:1');
    const top = layers.at(-1)?.blob.slice(7) ?? '';
    await until('its layer is gone', async () => {
      await daemon.client.must('POST', '/v1/images/prune', {});
      return !kept().includes(top);
    });
  });
});

describe('import', () => {
  const root = tar(file('etc/hello', 'hello\n'));
  const diffId = `sha256:${createHash('sha256').update(root).digest('hex')}`;

  test('the same layer however it is compressed; changes and a message', async () => {
    const change = ['CMD ["/bin/hello"]', 'ENV A=b', 'LABEL who=me', 'WORKDIR /etc', 'EXPOSE 80', 'USER 7'];
    const query = new URLSearchParams([
      ...[['name', 'imported:1'] as [string, string], ['message', 'by hand'] as [string, string]],
      ...change.map((line): [string, string] => ['change', line]),
    ]);
    const { status, body } = await daemon.client.send<{ id: string; names: string[] }>(
      'POST',
      `/v1/images/import?${query.toString()}`,
      gzipSync(root),
      { 'content-type': 'application/gzip' },
    );
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.names, ['imported:1']);
    const detail = await inspect('imported:1');
    assert.deepEqual(
      detail.layers.map((layer) => layer.diffId),
      [diffId],
    );
    assert.deepEqual(detail.config, {
      ...{ cmd: ['/bin/hello'], env: ['A=b'], labels: { who: 'me' }, workingDir: '/etc', exposedPorts: ['80/tcp'] },
      user: '7',
    });
    const history = await daemon.client.must<ImageHistoryEntry[]>('GET', '/v1/images/imported:1/history');
    assert.equal(history[0]?.comment, 'by hand');
    const plain = await importFrom(daemon, root, { platform: 'linux/arm64' });
    assert.equal((await inspect(plain.body.id)).platform, 'linux/arm64');
    assert.equal((await inspect(plain.body.id)).layers[0]?.diffId, diffId);
    const [event] = await eventsOf('image_import');
    assert.deepEqual([event?.name, event?.image, event?.labels], ['imported:1', body.id, { who: 'me' }]);
  });

  test('what is no change, no name, or no archive is refused', async () => {
    const before = kept();
    const refused = async (query: Record<string, string>, archive = root): Promise<unknown> =>
      (await importFrom(daemon, archive, query)).body.code;
    assert.equal(await refused({ change: 'RUN make' }), 'invalid_field');
    assert.equal(await refused({ name: 'A B' }), 'invalid_field');
    assert.equal(await refused({ name: 'UPPER' }), 'invalid_reference');
    assert.equal(await refused({}, Buffer.alloc(600, 'x')), 'layer_invalid');
    await nothingMore(before);
  });
});
