/** What takes the disk, what a prune gives back, and what the check finds and mends. */
import assert from 'node:assert/strict';
import { appendFile, chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ImageSummary } from '../../shared/api/image.ts';
import type {
  ContainerPruneResponse,
  DiskUsage,
  SystemCheckResponse,
  SystemPruneResponse,
} from '../../shared/api/storage.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { makeImage, publish, pullFrom } from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { directory, file, tar } from '../harness/tar.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
const BASE = busyboxLayer();
const UPPER = tar(directory('./'), file('extra', 'x'.repeat(100_000)));
const image = makeImage({ layers: [BASE, UPPER], config: { Labels: { of: 'this' } } });

before(async () => {
  registry = await TestRegistry.open();
  daemon = await TestDaemon.open();
  await have();
});
after(async () => {
  await daemon.close();
  await registry[Symbol.asyncDispose]();
});

const must = <T>(method: string, path: string, body?: unknown) => daemon.client.must<T>(method, path, body);
const df = () => must<DiskUsage>('GET', '/v1/system/df');
const check = (repair = false) => must<SystemCheckResponse>('POST', '/v1/system/check', { repair });
const kinds = ({ findings }: SystemCheckResponse): string[] =>
  findings.map(({ kind, repaired }) => `${kind}${repaired ? ' repaired' : ''}`).toSorted();
const store = (path: string): string => join(daemon.root, 'images', path);

async function have(): Promise<void> {
  publish(registry, 'app', '1', image);
  const { status, body } = await pullFrom(daemon, `${registry.host}/app:1`);
  assert.equal(status, 200, JSON.stringify(body));
}

/** Of the image, and a volume of its own; it writes to both, and to its log. */
async function worker(name: string, labels: Record<string, string> = {}): Promise<string> {
  const command =
    'dd if=/dev/zero of=/written bs=1k count=200; dd if=/dev/zero of=/data/kept bs=1k count=100; seq 2000';
  const { id } = await must<{ id: string }>('POST', '/v1/containers', {
    image: image.id,
    name,
    labels,
    command: ['sh', '-c', command],
    mounts: [{ type: 'volume', target: '/data' }],
  });
  await must('POST', `/v1/containers/${id}/start`);
  await must('GET', `/v1/containers/${id}/wait`);
  return id;
}

test('the disk is accounted for: images, what containers wrote and logged, volumes, contents', async () => {
  const id = await worker('writer');
  const { images, containers, volumes, content } = await df();
  const size = BASE.length + UPPER.length;
  assert.deepEqual([images.total, images.active, images.size, images.reclaimable], [1, 1, size, 0]);
  const [item] = images.items;
  assert.deepEqual(
    [item?.id, item?.size, item?.sharedSize, item?.uniqueSize, item?.containers],
    [image.id, size, 0, size, 1],
  );
  const [container] = containers.items;
  assert.deepEqual([containers.total, containers.active, container?.id, container?.name], [1, 0, id, 'writer']);
  const { size: written = 0, logSize = 0 } = container ?? {};
  assert.ok(written >= 200 * 1024 && written < 300 * 1024, `${written} bytes written`);
  assert.ok(logSize >= 2000 * 5, `${logSize} bytes of log`);
  assert.deepEqual([containers.size, containers.reclaimable], [written + logSize, written + logSize]);
  const [volume] = volumes.items;
  assert.deepEqual([volumes.total, volumes.active, volume?.containers, volumes.reclaimable], [1, 1, 1, 0]);
  assert.ok(volumes.size >= 100 * 1024 && volumes.size < 200 * 1024, `${volumes.size} bytes in the volume`);
  const blobs = [...image.blobs.values(), image.manifest].reduce((sum, { length }) => sum + length, 0);
  assert.deepEqual(content, { total: 4, active: 4, size: blobs, reclaimable: 0 });
});

test('prune takes containers that do not run, by their age and labels, and then all that they had', async () => {
  const kept = await worker('kept', { keep: '' });
  const prune = (body: object) => must<ContainerPruneResponse>('POST', '/v1/containers/prune', body);
  assert.deepEqual((await prune({ until: '2020-01-01T00:00:00Z' })).removed, []);
  assert.deepEqual((await prune({ label: ['other'] })).removed, []);
  const { removed, reclaimed } = await prune({ label: ['!keep'] });
  assert.deepEqual([removed.length, reclaimed >= 200 * 1024], [1, true]);
  const system = (body: object) => must<SystemPruneResponse>('POST', '/v1/system/prune', body);
  const nothing = { containers: [], networks: [], volumes: [], untagged: [], deleted: [], reclaimed: 0 };
  assert.deepEqual(await system({ all: true, volumes: true, until: '2020-01-01T00:00:00Z' }), nothing);
  const pruned = await system({});
  assert.deepEqual([pruned.containers, pruned.volumes, pruned.deleted], [[kept], [], []]);
  const all = await system({ all: true, volumes: true });
  assert.deepEqual([all.volumes.length, all.untagged, all.deleted[0]], [2, [`${registry.host}/app:1`], image.id]);
  assert.ok(all.reclaimed > BASE.length + UPPER.length + 200 * 1024);
  const { images, containers, volumes, content } = await df();
  assert.deepEqual([images.total, containers.total, volumes.total, content.size], [0, 0, 0, 0]);
  assert.deepEqual(await check(), { sound: true, findings: [] });
});

test('the check names what is damaged and who has need of it, and mends what can be', async () => {
  await have();
  const [layer = '', blob = ''] = [
    (await readdir(store('layers')))[0],
    image.layerDescriptors[1]?.digest.slice('sha256:'.length),
  ];
  await rm(store(`layers/${layer}`), { recursive: true });
  await writeFile(store(`blobs/sha256/${'0'.repeat(64)}`), 'of nobody');
  await mkdir(join(daemon.root, 'containers', '0'.repeat(64)));
  await mkdir(join(daemon.root, 'strange'));
  await chmod(store('blobs'), 0o755);
  const found = await check();
  assert.equal(found.sound, false);
  assert.deepEqual(kinds(found), ['blob_unrecorded', 'container_unrecorded', 'foreign', 'layer_missing', 'open_mode']);
  assert.deepEqual(found.findings.find(({ kind }) => kind === 'layer_missing')?.images, [`${registry.host}/app:1`]);
  await rm(join(daemon.root, 'strange'), { recursive: true });
  // the layer is unpacked again from its blob
  const mended = await check(true);
  assert.equal(mended.sound, true, JSON.stringify(mended));
  assert.deepEqual(await check(), { sound: true, findings: [] });
  assert.equal((await readdir(store('layers'))).length, 2);
  // a blob that is not what it was is lost until somebody pulls again
  await appendFile(store(`blobs/sha256/${blob}`), 'x');
  assert.deepEqual(kinds(await check()), ['blob_wrong_size']);
  const lost = await check(true);
  assert.deepEqual([lost.sound, kinds(lost)], [false, ['blob_wrong_size']]);
  assert.deepEqual(kinds(await check(true)), ['blob_lost']);
  await have();
  assert.deepEqual(await check(), { sound: true, findings: [] });
  assert.equal((await must<ImageSummary[]>('GET', '/v1/images'))[0]?.id, image.id);
});
