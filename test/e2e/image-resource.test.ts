/** Images as a resource: listed, inspected, tagged, in use, removed, pruned; with what they tell by events. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Event } from '../../shared/api/event.ts';
import type {
  ImageDetail,
  ImageHistoryEntry,
  ImagePruneResponse,
  ImageRemoveResponse,
  ImageSummary,
} from '../../shared/api/image.ts';
import type { Problem } from '../../shared/api/problem.ts';
import type { SystemCheckResponse } from '../../shared/api/storage.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { makeImage, publish, pullFrom, sha256, type TestImage } from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { file, tar } from '../harness/tar.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
const BASE = busyboxLayer();
const extra = (text: string): Buffer => tar(file('extra', text));

/** Two that share a layer, built at different times; the second has labels. */
const first = makeImage({ layers: [BASE], document: { created: '2024-01-01T00:00:00Z', author: 'someone' } });
const second = makeImage({
  layers: [BASE, extra('of the second\n')],
  config: {
    Labels: { kind: 'second', '': 'nameless', __proto__x: 'y' },
    Cmd: ['/bin/true'],
    ExposedPorts: { '80/tcp': {} },
  },
  document: {
    created: '2024-06-01T12:00:00+02:00',
    history: [
      { created: '2024-05-01T00:00:00Z', created_by: 'the base' },
      { created: 'once upon a time', created_by: 'ENV a=b', comment: 'nothing', empty_layer: true },
      { created: '2024-06-01T12:00:00+02:00', created_by: 'the second' },
    ],
  },
});

/** Ids of the unpacked layers: neither describes its root, so each is of what it lies on, which is nothing for the lowest. */
const LOWER = sha256(BASE);
const UPPER = sha256(`${LOWER} ${sha256(extra('of the second\n'))}`);

before(async () => {
  registry = await TestRegistry.open();
  daemon = await TestDaemon.open();
});
after(async () => {
  await daemon.close();
  await registry[Symbol.asyncDispose]();
});

const send = <T>(method: string, path: string, body?: unknown) => daemon.client.send<T>(method, path, body);
const must = <T>(method: string, path: string, body?: unknown) => daemon.client.must<T>(method, path, body);
const at = (ref: string, more = ''): string => `/v1/images/${encodeURIComponent(ref)}${more}`;
const list = (query = '') => must<ImageSummary[]>('GET', `/v1/images${query}`);
const inspect = (ref: string) => must<ImageDetail>('GET', at(ref));
const removeImage = (ref: string, query = '') => must<ImageRemoveResponse>('DELETE', at(ref, query));
const prune = (body: object = {}) => must<ImagePruneResponse>('POST', '/v1/images/prune', body);
/** "host:port/name" of the test's registry. */
const here = (name: string): string => `${registry.host}/${name}`;

async function have(name: string, image: TestImage): Promise<void> {
  const [path = '', tag = 'latest'] = name.split(':');
  publish(registry, path, tag, image);
  const { status, body } = await pullFrom(daemon, here(name));
  assert.equal(status, 200, JSON.stringify(body));
}

async function refused(method: string, path: string, body: unknown, expected: readonly unknown[]): Promise<Problem> {
  const answer = await send<Problem>(method, path, body);
  assert.deepEqual([answer.status, answer.body.code], expected, answer.body.detail);
  return answer.body;
}

/** What is kept of events, of this image if one is given, after the one with that number. */
async function eventsAfter(sequence: number, image?: string): Promise<Event[]> {
  const until = new Date(Date.now() + 1).toISOString();
  const query = new URLSearchParams({ until, since: '0', ...(image === undefined ? {} : { image }) });
  const body = await must<string>('GET', `/v1/events?${query.toString()}`);
  const events = body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Event]));
  return events.filter((event) => event.sequence > sequence);
}

const lastEvent = async (): Promise<number> => (await eventsAfter(0)).at(-1)?.sequence ?? 0;

/** "action name" of what was told of images after an event, but for pulls. */
async function told(last: number): Promise<string[]> {
  const events = await eventsAfter(last);
  const ofImages = events.filter(({ image, action }) => image !== undefined && action !== 'image_pull');
  return ofImages.map(({ action, name }) => `${action} ${name}`);
}

async function isEmptyStore(): Promise<void> {
  assert.deepEqual(await list(), []);
  assert.deepEqual(await readdir(join(daemon.root, 'images/layers')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'images/blobs/sha256')), []);
  const { sound, findings } = await must<SystemCheckResponse>('POST', '/v1/system/check', {});
  assert.deepEqual([sound, findings], [true, []]);
}

test('images are listed the newest first, by what their configuration says, and found by all their names', async () => {
  await have('first', first);
  await have('second:1', second);
  const [newest, oldest] = await list();
  assert.deepEqual([newest?.id, oldest?.id], [second.id, first.id]);
  assert.deepEqual(newest?.names, [here('second:1')]);
  assert.deepEqual(newest.digests, [`${here('second')}@${second.descriptor.digest}`]);
  assert.deepEqual([newest.manifest, newest.platform, newest.containers], [second.descriptor.digest, 'linux/amd64', 0]);
  assert.equal(newest.createdAt, '2024-06-01T10:00:00.000000000Z');
  assert.deepEqual({ ...newest.labels }, { kind: 'second', '': 'nameless', __proto__x: 'y' });
  assert.deepEqual([newest.size, newest.sharedSize], [BASE.length + extra('of the second\n').length, BASE.length]);
  assert.deepEqual([oldest?.size, oldest?.sharedSize], [BASE.length, BASE.length]);
  const digits = second.id.slice('sha256:'.length);
  const refs = [
    here('second:1'),
    `${here('second')}@${second.descriptor.digest}`,
    second.id,
    digits,
    digits.slice(0, 8),
  ];
  for (const ref of [...refs, second.descriptor.digest, `sha256:${digits.slice(0, 12)}`]) {
    assert.equal((await inspect(ref)).id, second.id, ref);
  }
  const missing = await refused('GET', at('no-such:1'), undefined, [404, 'image_not_found']);
  assert.deepEqual(
    [missing.detail, missing.hint],
    ['image "no-such:1" is not here', 'pull it with "tare pull no-such:1"'],
  );
  await refused('GET', at('Upper'), undefined, [400, 'invalid_reference']);
  await refused('GET', at(`${here('first')}@${second.descriptor.digest}`), undefined, [404, 'image_not_found']);
});

test('filters of the list narrow it', async () => {
  const ids = async (query: string): Promise<string[]> => (await list(query)).map(({ id }) => id);
  const port = registry.host;
  assert.deepEqual(await ids(`?reference=${encodeURIComponent(`${port}/sec*`)}`), [second.id]);
  assert.deepEqual(await ids('?reference=*/first'), [first.id]);
  assert.deepEqual(await ids('?reference=sec*'), []);
  assert.deepEqual(await ids('?reference=*/first&reference=*/second:1'), [second.id, first.id]);
  assert.deepEqual(await ids('?label=kind'), [second.id]);
  assert.deepEqual(await ids('?label=kind%3Dfirst'), []);
  assert.deepEqual(await ids(`?before=${encodeURIComponent(here('second:1'))}`), [first.id]);
  assert.deepEqual(await ids(`?since=${encodeURIComponent(first.id)}`), [second.id]);
  assert.deepEqual(await ids('?until=2024-03-01T00:00:00Z'), [first.id]);
  assert.deepEqual(await ids('?dangling=true'), []);
  assert.deepEqual((await ids('?dangling=false')).length, 2);
  await refused('GET', '/v1/images?reference=%5B', undefined, [400, 'invalid_field']);
  await refused('GET', '/v1/images?before=nothing', undefined, [404, 'image_not_found']);
});

test('all there is to know of an image, and how it was made', async () => {
  const detail = await inspect(here('second:1'));
  assert.deepEqual(detail.document, JSON.parse(second.config.toString()));
  assert.equal(detail.mediaType, second.descriptor.mediaType);
  assert.deepEqual([detail.config.cmd, detail.config.exposedPorts], [['/bin/true'], ['80/tcp']]);
  assert.deepEqual(
    detail.layers.map(({ blob, mediaType, compressedSize }) => ({ digest: blob, mediaType, size: compressedSize })),
    second.layerDescriptors,
  );
  assert.deepEqual(
    detail.layers.map(({ size }) => size),
    second.layers.map((layer) => layer.length),
  );
  assert.equal((await inspect(first.id)).author, 'someone');
  const history = await must<ImageHistoryEntry[]>('GET', at(here('second:1'), '/history'));
  assert.deepEqual(
    history.map(({ id, createdAt, createdBy, size, comment, names }) => [
      id,
      createdAt,
      createdBy,
      size,
      comment,
      names,
    ]),
    [
      [
        second.id,
        '2024-06-01T10:00:00.000000000Z',
        'the second',
        extra('of the second\n').length,
        '',
        [here('second:1')],
      ],
      [undefined, undefined, 'ENV a=b', 0, 'nothing', []],
      [undefined, '2024-05-01T00:00:00.000000000Z', 'the base', BASE.length, '', []],
    ],
  );
});

test('names come and go; with the last one the image goes, and what only it had need of', async () => {
  const last = await lastEvent();
  await must('POST', at(here('first'), '/tag'), { name: 'mine' });
  await must('POST', at(first.id, '/tag'), { name: 'you/app:1' });
  await must('POST', at('mine', '/tag'), { name: 'mine' });
  assert.deepEqual(
    (await inspect('mine')).names.toSorted(),
    [here('first:latest'), 'mine:latest', 'you/app:1'].toSorted(),
  );
  await refused('POST', at('mine', '/tag'), { name: `mine@${first.id}` }, [400, 'invalid_field']);
  await refused('POST', at('mine', '/tag'), { name: 'MINE' }, [400, 'invalid_reference']);
  await refused('POST', at('nothing', '/tag'), { name: 'mine' }, [404, 'image_not_found']);
  // the name moves
  await must('POST', at(second.id, '/tag'), { name: 'you/app:1' });
  assert.equal((await inspect('you/app:1')).id, second.id);
  const several = await refused('DELETE', at(first.id), undefined, [409, 'image_in_use']);
  assert.match(several.detail, /several names/);
  assert.deepEqual(await removeImage('mine'), { untagged: ['mine:latest'], deleted: [] });
  assert.deepEqual(await removeImage(second.id, '?force=true'), {
    untagged: [here('second:1'), 'you/app:1'],
    deleted: [second.id, UPPER],
  });
  assert.deepEqual(await removeImage(`${here('first')}@${first.descriptor.digest}`), {
    untagged: [here('first:latest')],
    deleted: [first.id, LOWER],
  });
  await isEmptyStore();
  assert.deepEqual(await told(last), [
    'image_tag mine:latest',
    'image_tag you/app:1',
    'image_tag you/app:1',
    'image_untag mine:latest',
    `image_untag ${here('second:1')}`,
    'image_untag you/app:1',
    `image_delete ${here('second:1')}`,
    `image_untag ${here('first:latest')}`,
    `image_delete ${here('first:latest')}`,
  ]);
});

test('what containers are made of, or have mounted, stays; with force its name goes where they do not run', async () => {
  await have('first', first);
  await must('POST', at(here('first'), '/tag'), { name: 'base' });
  const { id } = await must<{ id: string }>('POST', '/v1/containers', {
    image: 'base',
    command: ['sleep', '1000'],
    name: 'user',
  });
  assert.equal((await inspect('base')).containers, 1);
  // with another name left the containers have their image as before
  assert.deepEqual(await removeImage(here('first')), { untagged: [here('first:latest')], deleted: [] });
  const { detail } = await refused('DELETE', at('base'), undefined, [409, 'image_in_use']);
  assert.match(detail, /base:latest is in use by user/);
  await must('POST', `/v1/containers/${id}/start`);
  await refused('DELETE', at('base', '?force=true'), undefined, [409, 'image_in_use']);
  assert.deepEqual(await prune({ all: true }), { untagged: [], deleted: [], reclaimed: 0 });
  await must('POST', `/v1/containers/${id}/kill`);
  await must('GET', `/v1/containers/${id}/wait`);
  assert.deepEqual(await removeImage('base', '?force=true'), { untagged: ['base:latest'], deleted: [] });
  const [dangling] = await list('?dangling=true');
  assert.deepEqual([dangling?.id, dangling?.names, dangling?.containers], [first.id, [], 1]);
  assert.deepEqual((await prune()).deleted, []);
  await must('POST', `/v1/containers/${id}/start`);
  await must('DELETE', `/v1/containers/${id}?force=true`);
  const pruned = await prune();
  assert.deepEqual([pruned.deleted, pruned.reclaimed > BASE.length], [[first.id, LOWER], true]);
  await isEmptyStore();
});

test('a name alone is taken with noPrune, and prune takes what is left, by its filters', async () => {
  await have('first', first);
  await have('second:1', second);
  assert.deepEqual(await removeImage(here('second:1'), '?noPrune=true'), { untagged: [here('second:1')], deleted: [] });
  const last = await lastEvent();
  assert.deepEqual((await prune({ label: ['!kind'] })).deleted, []);
  assert.deepEqual((await prune({ until: '2024-02-01T00:00:00Z' })).deleted, []);
  assert.deepEqual((await prune({ label: ['kind=second'], until: '2025-01-01T00:00:00Z' })).deleted, [
    second.id,
    UPPER,
  ]);
  assert.deepEqual((await prune()).deleted, []);
  const all = await prune({ all: true });
  assert.deepEqual([all.untagged, all.deleted], [[here('first:latest')], [first.id, LOWER]]);
  await isEmptyStore();
  assert.deepEqual(await told(last), [
    `image_delete ${second.id}`,
    `image_untag ${here('first:latest')}`,
    `image_delete ${here('first:latest')}`,
  ]);
});

test('events are told by the image they are about', async () => {
  const last = await lastEvent();
  await have('first', first);
  await must('POST', at(here('first'), '/tag'), { name: 'debian' });
  await removeImage('debian');
  const of = async (image: string): Promise<string[]> => (await eventsAfter(last, image)).map(({ action }) => action);
  assert.deepEqual(await of('debian'), ['image_tag', 'image_untag']);
  assert.deepEqual(await of('docker.io/library/debian:latest'), ['image_tag', 'image_untag']);
  assert.deepEqual(await of('debian:12'), []);
  assert.deepEqual(await of(first.id), ['image_pull', 'image_tag', 'image_untag']);
  assert.deepEqual(await of(first.id.slice(7, 19)), ['image_pull', 'image_tag', 'image_untag']);
  await removeImage(first.id);
});
