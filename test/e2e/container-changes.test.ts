/** What a container changed, told and exported, with the upper layer on disk or in memory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Change } from '../../shared/api/files.ts';
import { entriesOf } from '../harness/copy.ts';
import { TestDaemon } from '../harness/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  for (const name of ['old/below', 'gone/below', 'opaque/was', 'same']) {
    mkdirSync(join(daemon.rootfs, 'srv', name), { recursive: true });
    writeFileSync(join(daemon.rootfs, 'srv', name, 'file'), 'as it was');
  }
  symlinkSync('old', join(daemon.rootfs, 'srv/link'));
});
after(() => daemon.close());

const SCRIPT = [
  'cd /srv',
  'echo more >> old/below/file',
  'rm -r gone',
  'rm -r opaque && mkdir -p opaque/is && echo new > opaque/is/file',
  'rm link && echo file > link',
  'mkdir new && mkfifo new/pipe && mknod new/node c 1 3 && ln -s nowhere new/dangling',
  'chmod 700 same/file',
  'rm old/below/file.absent 2>/dev/null',
  'sleep 10000',
].join('; ');

const EXPECTED = [
  'modified /srv',
  'deleted /srv/gone',
  'modified /srv/link',
  'added /srv/new',
  'added /srv/new/dangling',
  'added /srv/new/node',
  'added /srv/new/pipe',
  'modified /srv/old',
  'modified /srv/old/below',
  'modified /srv/old/below/file',
  'modified /srv/opaque',
  'added /srv/opaque/is',
  'added /srv/opaque/is/file',
  'deleted /srv/opaque/was',
  'modified /srv/same',
  'modified /srv/same/file',
];

async function changesOf(id: string): Promise<string[]> {
  const changes = await daemon.client.must<Change[]>('GET', `/v1/containers/${id}/changes`);
  return changes.map(({ kind, path }) => `${kind} ${path}`);
}

async function running(request: Record<string, unknown>): Promise<string> {
  const id = await daemon.create(['sh', '-c', `${SCRIPT.replace('sleep 10000', 'echo done')}; sleep 10000`], request);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  const response = await daemon.client.open('GET', `/v1/containers/${id}/logs?follow=true&stdout=true`);
  for await (const line of response) if (String(line).includes('done')) break;
  return id;
}

async function exported(id: string): Promise<ReturnType<typeof entriesOf>> {
  const response = await daemon.client.open('GET', `/v1/containers/${id}/export`);
  assert.equal(response.statusCode, 200);
  return entriesOf(await buffer(response));
}

for (const upper of ['disk', 'tmpfs']) {
  test(`what was changed, added and deleted, with the upper layer on ${upper}`, async () => {
    const mounts = [{ type: 'tmpfs', target: '/var' }];
    const id = await running({ upper, mounts });
    assert.deepEqual(await changesOf(id), EXPECTED);
    const entries = await exported(id);
    assert.equal(entries.get('./srv/old/below/file')?.data.toString(), 'as it wasmore\n');
    assert.equal(entries.get('./srv/new/pipe')?.kind, 'fifo');
    assert.ok(!entries.has('./srv/gone') && !entries.has('./srv/opaque/was'));
    assert.deepEqual(
      [...entries.keys()].filter((name) => /^\.\/(proc|sys|dev|var)\//.test(name)),
      [],
      'nothing of what is mounted',
    );
    if (upper === 'tmpfs') return;
    await daemon.client.must('POST', `/v1/containers/${id}/kill`, {});
    await daemon.client.must('GET', `/v1/containers/${id}/wait`);
    assert.deepEqual(await changesOf(id), EXPECTED);
    assert.deepEqual([...(await exported(id)).keys()].sort(), [...entries.keys()].sort());
  });
}

test('a container that did nothing has changed nothing, mount points that were made for it or not', async () => {
  const bound = join(daemon.folder, 'bound');
  mkdirSync(bound);
  const mounts = [{ type: 'bind', source: bound, target: '/made/for/this' }];
  const id = await daemon.create(['sleep', '10000'], { mounts });
  assert.deepEqual(await changesOf(id), []);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  assert.deepEqual(
    (await changesOf(id)).filter((change) => !change.includes('/made')),
    [],
  );
});

test('what works on a directory of the host itself has nothing to be compared with', async () => {
  const folder = join(daemon.folder, 'itself');
  execFileSync('cp', ['-a', daemon.rootfs, folder]);
  chmodSync(folder, 0o755);
  const id = await daemon.create(['true'], { rootfs: folder, rootfsMode: 'rw' });
  const { status, body } = await daemon.client.send<{ code: string; detail: string }>(
    'GET',
    `/v1/containers/${id}/changes`,
  );
  assert.deepEqual([status, body.code], [422, 'unsupported']);
  assert.match(body.detail, new RegExp(folder));
  assert.ok((await exported(id)).has('./bin/busybox'));
});
