/** Images of containers: what one changed is there in the next. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ImageDetail, StoredImage } from '../../shared/api/image.ts';
import type { Event } from '../../shared/api/event.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxImage, haveImage } from '../harness/images.ts';
import { copyIn } from '../harness/copy.ts';
import { directory, file, tar } from '../harness/tar.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  const config = { Env: ['PATH=/bin', 'KEPT=1'], Cmd: ['sh'], Labels: { of: 'image' }, WorkingDir: '/home' };
  await haveImage(daemon, 'base:1', busyboxImage({ config }));
});
after(() => daemon.close());

interface Made {
  readonly id: string;
}

async function create(request: Record<string, unknown>): Promise<string> {
  return (await daemon.client.must<Made>('POST', '/v1/containers', request)).id;
}

/** Runs it to its end. */
async function ran(request: Record<string, unknown>): Promise<string> {
  const id = await create(request);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  return id;
}

const inspect = (name: string): Promise<ImageDetail> =>
  daemon.client.must('GET', `/v1/images/${encodeURIComponent(name)}`);
const commit = (id: string, request: Record<string, unknown>): Promise<StoredImage> =>
  daemon.client.must('POST', `/v1/containers/${id}/commit`, request);

async function idsOfImages(): Promise<string[]> {
  return (await daemon.client.must<Made[]>('GET', '/v1/images')).map(({ id }) => id).sort();
}

async function printed(request: Record<string, unknown>): Promise<string> {
  return daemon.logText(await ran(request), 'stdout');
}

test('what a container added, changed and deleted is in the image, and runs as the container did', async () => {
  const script =
    'echo new > /root/new; echo more >> /etc/passwd; rm /etc/group; rm -r /var; mkdir /var; chown 12:34 /var';
  const id = await ran({
    ...{ image: 'base:1', command: ['sh', '-c', script], env: ['ADDED=2'], labels: { by: 'us' } },
  });
  const made = await commit(id, {
    name: 'made:1',
    message: 'said',
    author: 'who',
    changes: ['CMD ["id"]', 'ENV LINE=3'],
  });
  const image = await inspect('made:1');
  assert.deepEqual([image.id, image.names, image.author], [made.id, ['made:1'], 'who']);
  assert.deepEqual(image.config.env, ['PATH=/bin', 'KEPT=1', 'ADDED=2', 'LINE=3']);
  assert.deepEqual(image.config.labels, { of: 'image', by: 'us' });
  assert.deepEqual([image.config.cmd, image.config.workingDir], [['id'], '/home']);
  const base = await inspect('base:1');
  assert.deepEqual(image.layers.slice(0, -1), base.layers);
  const [newest] = await daemon.client.must<{ comment: string; createdBy: string }[]>(
    'GET',
    '/v1/images/made:1/history',
  );
  assert.deepEqual([newest?.comment, newest?.createdBy], ['said', `sh -c ${script}`]);
  const look = 'cat /root/new; tail -n 1 /etc/passwd; ls /etc/group; stat -c %u:%g:%n /var/* /var; pwd';
  assert.equal(await printed({ image: 'made:1', command: ['sh', '-c', look] }), 'new\nmore\n12:34:/var\n/home\n');
  const next = await ran({ image: 'made:1', command: ['rm', '/root/new'] });
  await commit(next, { name: 'made:2' });
  assert.equal(await printed({ image: 'made:2', command: ['ls', '/root'] }), '');
});

test('a container that runs is paused meanwhile, and runs on', async () => {
  const id = await create({ image: 'base:1', command: ['sh', '-c', 'echo x > /root/x; sleep 10000'], upper: 'tmpfs' });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await copyIn(daemon, id, '/home', tar(directory('d'), file('d/f', 'copied', { mode: 0o600 })));
  await commit(id, { name: 'paused:1' });
  const { status } = await daemon.client.must<{ status: string }>('GET', `/v1/containers/${id}`);
  assert.equal(status, 'running');
  const now = new Date().toISOString();
  const response = await daemon.client.must<string>('GET', `/v1/events?until=${now}&since=0&container=${id}`);
  const events = response
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as Event).action);
  assert.deepEqual(events, ['create', 'start', 'copy', 'pause', 'commit', 'unpause']);
  assert.equal(await printed({ image: 'paused:1', command: ['cat', '/home/d/f'] }), 'copied');
  await commit(id, { name: 'paused:2', pause: false });
  await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
});

test('one that changed nothing gives an image of the same layers', async () => {
  const id = await ran({ image: 'base:1', command: ['true'] });
  await commit(id, { name: 'same:1', changes: ['LABEL a=b'] });
  assert.deepEqual((await inspect('same:1')).layers, (await inspect('base:1')).layers);
});

test('of a directory the whole root becomes the one layer', async () => {
  const id = await daemon.create(['sh', '-c', 'echo x > /root/x']);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  await commit(id, { name: 'whole:1' });
  const { layers, config } = await inspect('whole:1');
  assert.equal(layers.length, 1);
  assert.deepEqual(config.cmd, ['sh', '-c', 'echo x > /root/x']);
  assert.equal(await printed({ image: 'whole:1', command: ['cat', '/root/x'] }), 'x\n');
});

test('what cannot be an image is refused, and nothing of it is kept', async () => {
  const before = await idsOfImages();
  const id = await ran({ image: 'base:1', command: ['touch', '/root/.wh.x'] });
  for (const [request, code] of [
    [{ name: 'odd:1' }, 'unsupported'],
    [{ name: 'Upper/Case:1' }, 'invalid_reference'],
    [{ name: `odd@sha256:${'0'.repeat(64)}` }, 'invalid_reference'],
    [{ changes: ['FROM scratch'] }, 'invalid_field'],
  ] as const) {
    const { body } = await daemon.client.send<{ code: string }>('POST', `/v1/containers/${id}/commit`, request);
    assert.equal(body.code, code);
  }
  const root = await create({ rootfs: '/', command: ['true'] });
  const { body } = await daemon.client.send<{ code: string; detail: string }>(
    'POST',
    `/v1/containers/${root}/commit`,
    {},
  );
  assert.deepEqual([body.code, body.detail.includes(join(daemon.folder, 'root'))], ['unsupported', true]);
  assert.deepEqual(await idsOfImages(), before);
});
