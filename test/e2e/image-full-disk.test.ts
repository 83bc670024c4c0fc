/** A disk that fills up under the daemon: clear errors, the daemon and what runs live on, and the space is given back. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Problem } from '../../shared/api/problem.ts';
import type { Answer } from '../harness/client.ts';
import {
  haveImage,
  importFrom,
  loadFrom,
  makeImage,
  ociArchive,
  publish,
  pullFrom,
  type ImageSpec,
} from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { file, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

const MIB = 1024 * 1024;
const SIZE = 64;

let disk: SmallDisk;
let registry: TestRegistry;

before(async () => {
  disk = await SmallDisk.open(SIZE);
  registry = await TestRegistry.open();
  await haveImage(disk.daemon, 'busybox:latest');
});
after(async () => {
  disk.relieve();
  await registry[Symbol.asyncDispose]();
  await disk.close();
});

/** It says that the disk is full and what for, and the daemon answers and is sound. */
async function assertFull({ status, body }: Answer<{ code?: string; detail?: string }>, words: RegExp): Promise<void> {
  assert.deepEqual([status, body.code], [503, 'disk_full'], JSON.stringify(body));
  assert.match(body.detail ?? '', words);
  const { findings } = await disk.daemon.client.must<{ findings: unknown[] }>('POST', '/v1/system/check', {});
  assert.deepEqual(findings, []);
  assert.doesNotMatch(disk.daemon.output, /"level":(50|60)/);
}

/** Of random bytes, so that it is as large on the wire as on the disk. */
const randomLayer = (mib: number): Buffer => tar(file('random', '', { data: randomBytes(mib * MIB) }));
const publishLayers = (...layers: NonNullable<ImageSpec['layers']>): void => {
  publish(registry, 'large', 'latest', makeImage({ layers }));
};

test('pull: refused before the first byte where there is no room, while it is unpacked where that shows it', async () => {
  const free = disk.free();
  publishLayers(randomLayer(24));
  disk.leave(8 * MIB);
  await assertFull(await pullFrom(disk.daemon, `${registry.host}/large`), /large.*bytes are needed and .* free/);
  // its configuration was fetched, and no layer
  assert.equal(registry.lines(/^GET .*large.*blobs/).length, 1);
  // room for the blob, and not for what is in it
  disk.leave(36 * MIB);
  await assertFull(await pullFrom(disk.daemon, `${registry.host}/large`), /large.*no space/);
  disk.relieve();
  await disk.givenBack(free, 'pull');
});

test('a layer of zeros that fits the wire and no disk: gzip and zstd', async () => {
  const free = disk.free();
  const zeros = tar({ name: 'zeros', data: Buffer.alloc(100 * MIB) });
  for (const [compression, blob] of [
    ['gzip', gzipSync(zeros, { level: 1 })],
    ['zstd', zstdCompressSync(zeros)],
  ] as const) {
    assert.ok(blob.length < MIB);
    publishLayers({ tar: zeros, compression, blob });
    await assertFull(await pullFrom(disk.daemon, `${registry.host}/large`), /large.*no space/);
    await disk.givenBack(free, compression);
  }
  await assertFull(
    await importFrom(disk.daemon, gzipSync(zeros, { level: 1 }), { name: 'zeros' }),
    /archive.*no space/,
  );
  await assertFull(await loadFrom(disk.daemon, zstdCompressSync(zeros)), /archive.*(no space|needed)/);
  await disk.givenBack(free, 'import and load');
});

test('load: of an archive that has no room, nothing is kept', async () => {
  const free = disk.free();
  disk.leave(20 * MIB);
  const archive = ociArchive({ 'large:latest': makeImage({ layers: [randomLayer(12), randomLayer(12)] }) });
  await assertFull(await loadFrom(disk.daemon, archive), /no space|needed/);
  disk.relieve();
  await disk.givenBack(free, 'load');
});

test('commit: what does not fit is refused, and the container goes on', async () => {
  const { client } = disk.daemon;
  const free = disk.free();
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', {
    image: 'busybox',
    command: ['/bin/sh', '-c', 'head -c 12000000 /dev/urandom > /large; echo written; sleep 1000'],
  });
  await client.must('POST', `/v1/containers/${id}/start`);
  await until('it has written', async () => (await disk.daemon.logText(id, 'stdout')).includes('written'));
  disk.leave(4 * MIB);
  try {
    const answer = await client.send<Problem>('POST', `/v1/containers/${id}/commit`, { name: 'large:1' });
    await assertFull(answer, /no space|needed/);
    assert.equal((await client.must<{ status: string }>('GET', `/v1/containers/${id}`)).status, 'running');
  } finally {
    await client.must('DELETE', `/v1/containers/${id}?force=true`);
    disk.relieve();
  }
  await disk.givenBack(free, 'commit');
});

test('a log that cannot be written holds nobody up, and the end of its container is known', async () => {
  const { client } = disk.daemon;
  const free = disk.free();
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', {
    image: 'busybox',
    command: [
      '/bin/sh',
      '-c',
      `trap 'head -c 3000000 /dev/zero | tr "\\0" "\\n"; exit 7' USR1; echo ready; while :; do sleep 0.1; done`,
    ],
  });
  await client.must('POST', `/v1/containers/${id}/start`);
  await until('it waits', async () => (await disk.daemon.logText(id, 'stdout')).includes('ready'));
  // only then: a start is refused where its log was faster to take what the registry needs
  disk.leave(256 * 1024);
  await client.must('POST', `/v1/containers/${id}/kill`, { signal: 'SIGUSR1' });
  const { code } = await client.must<{ code?: number }>('GET', `/v1/containers/${id}/wait`);
  assert.equal(code, 7);
  assert.equal((await client.send('GET', `/v1/containers/${id}/logs?stdout=true&tail=1`)).status, 200);
  await client.must('DELETE', `/v1/containers/${id}`);
  disk.relieve();
  await disk.givenBack(free, 'log');
});

test('not a byte left: what needs none works, what does is refused as that, and afterwards all is as before', async () => {
  const { client } = disk.daemon;
  const free = disk.free();
  const { id } = await client.must<{ id: string }>('POST', '/v1/containers', {
    image: 'busybox',
    command: ['/bin/sleep', '1000'],
  });
  await client.must('POST', `/v1/containers/${id}/start`);
  disk.leave(0);
  const refused: Answer<Problem>[] = [];
  // the registry has something in reserve; when that is used up it says so
  for (let attempt = 0; attempt < 2000 && refused.length === 0; attempt++) {
    const answer = await client.send<Problem>('POST', '/v1/images/busybox/tag', { name: `busybox:${attempt}` });
    if (answer.status >= 300) refused.push(answer);
  }
  assert.deepEqual(
    refused.map(({ status, body }) => [status, body.code]),
    [[503, 'disk_full']],
  );
  const made = await client.send<Problem>('POST', '/v1/containers', { image: 'busybox', command: ['/bin/true'] });
  assert.deepEqual([made.status, made.body.code], [503, 'disk_full'], JSON.stringify(made.body));
  assert.equal((await client.send('GET', '/v1/images')).status, 200);
  assert.equal((await client.must<{ status: string }>('GET', `/v1/containers/${id}`)).status, 'running');
  // what makes room needs none: an end, and the removal of what is not needed
  await client.must('POST', `/v1/containers/${id}/kill`, {});
  await until(
    'its end is known',
    async () => (await client.must<{ status: string }>('GET', `/v1/containers/${id}`)).status === 'stopped',
  );
  await client.must('DELETE', `/v1/containers/${id}`);
  await client.must('DELETE', '/v1/images/busybox?force=true');
  disk.relieve();
  assert.deepEqual(await client.must('GET', '/v1/images?dangling=true'), []);
  await disk.givenBack(free, 'the end');
});
