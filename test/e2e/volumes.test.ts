/** Volumes as a resource: made, listed, in use, removed, pruned; and what a daemon that was killed left of them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Event } from '../../shared/api/event.ts';
import type { Problem } from '../../shared/api/problem.ts';
import type { SystemCheckResponse } from '../../shared/api/storage.ts';
import type { Volume, VolumePruneResponse } from '../../shared/api/volume.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(async () => {
  await daemon.close();
});

const send = <T>(method: string, path: string, body?: unknown) => daemon.client.send<T>(method, path, body);
const must = <T>(method: string, path: string, body?: unknown) => daemon.client.must<T>(method, path, body);
const make = (body: object = {}) => must<Volume>('POST', '/v1/volumes', body);
const names = async (query = '') => (await must<Volume[]>('GET', `/v1/volumes${query}`)).map(({ name }) => name);
const prune = (body: object = {}) => must<VolumePruneResponse>('POST', '/v1/volumes/prune', body);
const folder = (): string => join(daemon.root, 'volumes');

async function refused(method: string, path: string, body: unknown, expected: readonly unknown[]): Promise<Problem> {
  const answer = await send<Problem>(method, path, body);
  assert.deepEqual([answer.status, answer.body.code], expected, answer.body.detail);
  return answer.body;
}

async function isSound(): Promise<void> {
  assert.deepEqual(await must<SystemCheckResponse>('POST', '/v1/system/check', {}), { sound: true, findings: [] });
}

/** Removal goes on behind the answer. */
async function areGone(): Promise<void> {
  await until('the directories are gone', async () => (await readdir(folder())).length === 0);
}

/** A container of the busybox root that has the volume at /data. */
const container = (source: string, command: readonly string[]): Promise<string> =>
  daemon.create(command, { mounts: [{ type: 'volume', source, target: '/data' }] });

test('a volume is made once, listed, found by its name and labels, and closed to other users of the host', async () => {
  const made = await make({ name: 'one', labels: { kind: 'test' } });
  assert.deepEqual(
    [made.name, made.anonymous, made.labels, made.containers, made.mountpoint],
    ['one', false, { kind: 'test' }, [], join(folder(), 'one/data')],
  );
  assert.deepEqual(await make({ name: 'one' }), made);
  assert.deepEqual(await make({ name: 'one', labels: { kind: 'test' } }), made);
  await refused('POST', '/v1/volumes', { name: 'one', labels: {} }, [409, 'name_taken']);
  for (const name of ['..', '.removed', 'a/b', '', 'x'.repeat(129)]) {
    await refused('POST', '/v1/volumes', { name }, [400, 'invalid_field']);
  }
  const anonymous = await make();
  assert.deepEqual([anonymous.anonymous, /^[0-9a-f]{64}$/.test(anonymous.name)], [true, true]);
  const modes = [folder(), dirname(made.mountpoint), made.mountpoint].map(
    async (path) => (await stat(path)).mode & 0o777,
  );
  assert.deepEqual(await Promise.all(modes), [0o700, 0o700, 0o755]);
  assert.deepEqual(await names(), [anonymous.name, 'one'].toSorted());
  assert.deepEqual(await names('?name=on'), ['one']);
  assert.deepEqual(await names('?label=kind%3Dtest'), ['one']);
  assert.deepEqual(await names('?label=kind%3Dother'), []);
  assert.deepEqual(await must('GET', '/v1/volumes/one'), made);
  await refused('GET', '/v1/volumes/two', undefined, [404, 'volume_not_found']);
});

test('a volume in use is not removed; prune takes the anonymous, and with all those with a name', async () => {
  const id = await container('one', ['sh', '-c', 'dd if=/dev/zero of=/data/zeros bs=1k count=64 2>/dev/null']);
  await must('POST', `/v1/containers/${id}/start`);
  await must('GET', `/v1/containers/${id}/wait`);
  assert.deepEqual((await must<Volume>('GET', '/v1/volumes/one')).containers, [id]);
  assert.deepEqual(await names('?dangling=false'), ['one']);
  await refused('DELETE', '/v1/volumes/one', undefined, [409, 'volume_in_use']);
  await refused('DELETE', '/v1/volumes/one?force=true', undefined, [409, 'volume_in_use']);
  const [anonymous] = await names('?dangling=true');
  await make({ name: 'kept', labels: { keep: '' } });
  assert.deepEqual((await prune({ label: ['keep'] })).removed, []);
  assert.deepEqual((await prune()).removed, [anonymous]);
  assert.deepEqual((await prune({ all: true, label: ['!keep'] })).removed, []);
  await must('DELETE', `/v1/containers/${id}`);
  const pruned = await prune({ all: true, label: ['!keep'] });
  assert.deepEqual([pruned.removed, pruned.reclaimed >= 65_536], [['one'], true]);
  await must('DELETE', '/v1/volumes/kept');
  await refused('DELETE', '/v1/volumes/kept', undefined, [404, 'volume_not_found']);
  await must('DELETE', '/v1/volumes/kept?force=true');
  await areGone();
  await isSound();
});

test('what happens to volumes is told, by name and label', async () => {
  await make({ name: 'told', labels: { a: 'b' } });
  await must('DELETE', '/v1/volumes/told');
  const events = async (query: Record<string, string>): Promise<Event[]> => {
    const asked = new URLSearchParams({ since: '0', until: new Date(Date.now() + 1).toISOString(), ...query });
    const body = await must<string>('GET', `/v1/events?${asked.toString()}`);
    return body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Event]));
  };
  const found = await events({ volume: 'told' });
  assert.deepEqual(
    found.map(({ action, name, volume, labels }) => [action, name, volume, labels]),
    [
      ['volume_create', 'told', 'told', { a: 'b' }],
      ['volume_destroy', 'told', 'told', { a: 'b' }],
    ],
  );
  assert.deepEqual(await events({ label: 'a=b' }), found);
});

test('a removal that was cut off before it was recorded is undone, one that was recorded is finished', async () => {
  const { mountpoint } = await make({ name: 'undone' });
  await writeFile(join(mountpoint, 'file'), 'precious');
  await daemon.end('SIGKILL');
  await rename(dirname(mountpoint), join(folder(), '.removed.0123456789abcdef.undone'));
  await mkdir(join(folder(), '.removed.0123456789abcdef.finished/data/a/b/c'), { recursive: true });
  await mkdir(join(folder(), 'unmade/data'), { recursive: true });
  await mkdir(join(folder(), 'strange/data'), { recursive: true });
  await writeFile(join(folder(), 'strange/data/file'), "somebody's");
  await daemon.start();
  assert.equal(await readFile(join(mountpoint, 'file'), 'utf8'), 'precious');
  assert.equal(existsSync(join(folder(), 'unmade')), false);
  await until('the rest is gone', async () => (await readdir(folder())).length === 2);
  // what nobody knows and holds something is left, and said
  const { sound, findings } = await must<SystemCheckResponse>('POST', '/v1/system/check', {});
  assert.deepEqual(
    [sound, findings.map(({ kind, what, repaired }) => [kind, what, repaired])],
    [false, [['volume_unrecorded', 'strange', false]]],
  );
  assert.equal((await must<SystemCheckResponse>('POST', '/v1/system/check', { repair: true })).sound, true);
  assert.deepEqual(await names(), ['strange', 'undone']);
  await isSound();
  await prune({ all: true });
  await areGone();
});
