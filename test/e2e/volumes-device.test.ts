/** Volumes that are a directory of the host: what containers see of it, and that nothing but they ever touches it. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ContainerDetail } from '../../shared/api/container.ts';
import type { Problem } from '../../shared/api/problem.ts';
import type { DiskUsage, SystemCheckResponse } from '../../shared/api/storage.ts';
import type { Volume, VolumePruneResponse } from '../../shared/api/volume.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { haveImage, makeImage } from '../harness/images.ts';
import { directory, file } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

/** "$3": the daemon's root, as TestDaemon gives it. Beside it is a file system that the daemon alone sees. */
const WITH_MOUNT = 'mkdir -p "$3.mounted" && mount -t tmpfs small "$3.mounted" && exec "$@"';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open({
    under: ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', WITH_MOUNT, 'sh'],
  });
  const layer = busyboxLayer(
    directory('data/', { uid: 1000, gid: 7, mode: 0o2750 }),
    file('data/of-image', 'image', { uid: 5 }),
    directory('empty/', { uid: 9, gid: 9, mode: 0o711 }),
  );
  await haveImage(daemon, 'docker.io/library/full:1', makeImage({ layers: [layer] }));
});
after(() => daemon.close());

const send = <T>(method: string, path: string, body?: unknown) => daemon.client.send<T>(method, path, body);
const must = <T>(method: string, path: string, body?: unknown) => daemon.client.must<T>(method, path, body);
const make = (body: object): Promise<Volume> => must('POST', '/v1/volumes', body);
const remove = (name: string): Promise<unknown> => must('DELETE', `/v1/volumes/${name}`);
const names = async (): Promise<string[]> => (await must<Volume[]>('GET', '/v1/volumes')).map(({ name }) => name);
const mounted = (source: string, more: object = {}) => ({
  mounts: [{ type: 'volume', source, target: '/data', ...more }],
});

/** As Docker's clients see it, or are refused. */
interface Shown {
  readonly Options: object;
  readonly Mountpoint: string;
  readonly message?: string;
}

/** A directory of the host with a file in it. */
function host(name: string): string {
  const path = join(daemon.folder, 'host', name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'file'), name);
  return path;
}

async function refused(body: object, field: string, words: RegExp): Promise<void> {
  const { status, body: problem } = await send<Problem>('POST', '/v1/volumes', body);
  assert.deepEqual([status, problem.field], [400, field], JSON.stringify(problem));
  assert.match(problem.detail, words);
}

/** What a container of the image has to say; it is removed. */
async function ofImage(command: string, request: object): Promise<string> {
  const body = { image: 'full:1', command: ['sh', '-c', command], ...request };
  const { id } = await must<{ id: string }>('POST', '/v1/containers', body);
  await must('POST', `/v1/containers/${id}/start`);
  await must('GET', `/v1/containers/${id}/wait`);
  const text = (await daemon.logText(id, 'stdout')) + (await daemon.logText(id, 'stderr'));
  await must('DELETE', `/v1/containers/${id}`);
  return text;
}

test('made natively, by the CLI and in the words of Docker, shown to both, and given again as it is', async () => {
  const device = host('made');
  const native = await make({ name: 'native', device: `${device}/../made/`, readonly: true, options: ['nosuid'] });
  const { createdAt } = native;
  assert.deepEqual(native, {
    ...{ name: 'native', anonymous: false, mountpoint: device, labels: {}, createdAt, containers: [] },
    ...{ device, readonly: true, recursive: true, options: ['nosuid'] },
  });
  assert.deepEqual(await make({ name: 'native' }), native);
  assert.deepEqual(await make({ name: 'native', device, readonly: true, options: ['nosuid'] }), native);
  for (const other of [{ device: '/other' }, { device, options: ['nosuid'] }]) {
    const { status, body } = await send<Problem>('POST', '/v1/volumes', { name: 'native', ...other });
    assert.deepEqual([status, body.code], [409, 'name_taken']);
  }
  const asked = ['-o', 'type=none', '-o', 'o=bind,ro', '-o', `device=${device}`];
  assert.equal((await daemon.cli(['volume', 'create', ...asked, 'by-cli'])).stdout, 'by-cli\n');
  const { recursive, readonly } = await must<Volume>('GET', '/v1/volumes/by-cli');
  assert.deepEqual([recursive, readonly], [false, true]);

  const DriverOpts = { type: 'bind', o: 'ro,bind', device: `${device}/.` };
  const made = await send<Shown>('POST', '/v1.41/volumes/create', { Name: 'docker', DriverOpts });
  assert.deepEqual([made.status, made.body.Options, made.body.Mountpoint], [201, DriverOpts, device]);
  const again = await send<Shown>('POST', '/v1.41/volumes/create', { Name: 'docker', DriverOpts: { wrong: 'x' } });
  assert.deepEqual([again.status, again.body], [201, made.body]);
  assert.deepEqual((await must<Volume>('GET', '/v1/volumes/docker')).driverOptions, DriverOpts);
  assert.deepEqual((await must<Shown>('GET', '/v1.41/volumes/native')).Options, {
    ...{ type: 'none', o: 'rbind,ro,nosuid', device },
  });
  const nfs = { type: 'nfs', o: 'addr=10.0.0.1', device: ':/export' };
  const { status, body } = await send<Shown>('POST', '/v1.41/volumes/create', { Name: 'nfs', DriverOpts: nfs });
  assert.equal(status, 400);
  assert.match(body.message ?? '', /^create nfs: type "nfs": tare mounts no file systems on the host/);
  assert.deepEqual(await names(), ['by-cli', 'docker', 'native']);
  for (const name of await names()) await remove(name);
  assert.deepEqual(readdirSync(device), ['file']);
});

test('what cannot be a device is refused by field; the daemon gives its own directories to nobody', async () => {
  await refused({ device: 'relative' }, 'device', /device/);
  await refused({ device: `/${'x'.repeat(4095)}` }, 'device', /device/);
  for (const field of ['readonly', 'recursive']) await refused({ [field]: true }, field, /without device/);
  await refused({ device: '/srv', options: ['uid=0'] }, 'options', /"uid=0"/);
  await refused({ device: '/srv', options: ['ro'] }, 'options', /"ro"/);
  for (const own of [daemon.root, daemon.run, join(daemon.root, 'volumes/other/data'), `${daemon.root}/./images/..`]) {
    await refused({ device: own }, 'device', /the daemon's own/);
  }
  assert.deepEqual(await names(), []);
  // what a link leads to is seen at the start
  symlinkSync(daemon.root, join(daemon.folder, 'way-in'));
  await make({ name: 'inside', device: join(daemon.folder, 'way-in/volumes') });
  const id = await daemon.create(['true'], mounted('inside'));
  const { status, body } = await send<Problem>('POST', `/v1/containers/${id}/start`);
  assert.ok(status >= 400);
  assert.match(body.detail, /volume inside: device .*way-in\/volumes: leads into the daemon's own directory/);
  await must('DELETE', `/v1/containers/${id}`);
  await remove('inside');
});

test('containers see the directory, with the flags that were asked for', async () => {
  const device = host('seen');
  mkdirSync(join(device, 'sub'));
  await make({ name: 'plain', device });
  await make({ name: 'closed', device, readonly: true, options: ['nosuid', 'noexec', 'nodev'] });
  const look = ['sh', '-c', 'ls /data; echo more > /data/new; grep " /data " /proc/self/mountinfo | cut -d" " -f6'];
  const plain = await daemon.runToEnd(look, mounted('plain'));
  assert.match(plain.stdout, /^file\nsub\nrw,/);
  assert.equal(readFileSync(join(device, 'new'), 'utf8'), 'more\n');
  const closed = await daemon.runToEnd(look, mounted('closed'));
  assert.match(closed.stdout, /\nro,nosuid,nodev,noexec,/);
  assert.match(closed.stderr, /Read-only file system/);
  // the mount may be closer than the volume, and is never more open
  assert.match((await daemon.runToEnd(look, mounted('plain', { readonly: true }))).stderr, /Read-only file system/);
  const part = await daemon.runToEnd(['sh', '-c', 'touch /data/deep; ls /data'], mounted('plain', { subpath: 'sub' }));
  assert.equal(part.stdout, 'deep\n');
  assert.ok(existsSync(join(device, 'sub/deep')));
  const id = await daemon.create(['true'], mounted('closed'));
  const { mounts } = await must<ContainerDetail>('GET', `/v1/containers/${id}`);
  assert.deepEqual(mounts, [{ type: 'volume', name: 'closed', source: device, destination: '/data', readonly: false }]);
  assert.deepEqual(readdirSync(join(daemon.root, 'volumes/closed/data')), [], 'nothing is there on the host');
  await must('DELETE', `/v1/containers/${id}?volumes=true`);
  for (const name of ['plain', 'closed']) await remove(name);
});

test('an empty one begins with what the image has there, on a file system of its own too; any other stays as it is', async () => {
  const LOOK = 'cd /data && stat -c "%n %a %u:%g" . * .t*; cd /empty; stat -c "%a %u:%g" .';
  const [full, empty, untouched] = [host('full'), host('empty'), host('untouched')];
  for (const path of [empty, untouched]) rmSync(join(path, 'file'));
  const made = { device: `${daemon.root}.mounted/new`, readonly: false };
  await make({ name: 'root', device: `${daemon.root}.mounted` });
  await daemon.runToEnd(['mkdir', '/data/new'], mounted('root'));
  await make({ name: 'far', ...made });
  await make({ name: 'full', device: full });
  await make({ name: 'empty', device: empty });
  await make({ name: 'untouched', device: untouched, readonly: true });
  const filled = ". 2750 1000:7\nof-image 644 5:0\n711 9:9\nstat: can't stat '.t*': No such file or directory\n";
  assert.equal(await ofImage(LOOK, mounted('far')), filled);
  assert.equal(await ofImage(LOOK, mounted('far')), filled);
  assert.equal(await ofImage('ls /data', mounted('full')), 'file\n');
  assert.deepEqual(readdirSync(full), ['file']);
  const { mode } = statSync(full);
  const atEmpty = { mounts: [{ type: 'volume', source: 'empty', target: '/empty' }] };
  assert.equal(await ofImage('stat -c "%a %u" /empty', atEmpty), '711 9\n');
  assert.equal(await ofImage('ls /data', mounted('untouched')), '');
  assert.deepEqual([statSync(full).mode, readdirSync(untouched)], [mode, []]);
  for (const name of ['far', 'full', 'empty', 'untouched']) await remove(name);
  assert.equal(
    (await daemon.runToEnd(['ls', '/data/new'], mounted('root'))).stdout,
    'of-image\n',
    'what was mounted stays',
  );
  await remove('root');
});

test('a device that is not there keeps a container from starting, and is named', async () => {
  const device = join(daemon.folder, 'host/later');
  await make({ name: 'later', device });
  const id = await daemon.create(['cat', '/data/file'], mounted('later'));
  const started = await send<Problem>('POST', `/v1/containers/${id}/start`);
  assert.deepEqual([started.status >= 400, started.body.code], [true, 'launch_failed']);
  assert.match(started.body.detail, /^cannot start .*: volume later: device .*\/later: no such file or directory$/);
  writeFileSync(device, 'a file');
  assert.match((await send<Problem>('POST', `/v1/containers/${id}/start`)).body.detail, /later: not a directory$/);
  rmSync(device);
  host('later');
  await must('POST', `/v1/containers/${id}/start`);
  await must('GET', `/v1/containers/${id}/wait`);
  assert.equal(await daemon.logText(id, 'stdout'), 'later');
  await must('DELETE', `/v1/containers/${id}`);
  await remove('later');
});

test('nothing that becomes of a volume touches its device, and prune leaves it alone', async () => {
  const device = host('kept');
  const link = join(daemon.folder, 'host/link');
  symlinkSync(device, link);
  const devices = { plain: device, link, above: join(daemon.folder, 'host'), far: `${daemon.root}.mounted` };
  for (const [name, path] of Object.entries(devices)) await make({ name, device: path });
  const anonymous = await make({ device });
  const before = statSync(device);
  const everything = async (): Promise<string[]> => {
    const { removed } = await must<VolumePruneResponse>('POST', '/v1/volumes/prune', { all: true });
    await must('POST', '/v1/system/prune', { all: true, volumes: true });
    return removed;
  };
  assert.deepEqual(await everything(), []);
  assert.equal((await names()).length, 5);
  const { volumes } = await must<DiskUsage>('GET', '/v1/system/df');
  assert.deepEqual([volumes.total, volumes.size, volumes.reclaimable], [5, 0, 0]);
  assert.deepEqual((await must<{ Volumes: object[] }>('GET', '/v1.41/system/df')).Volumes, []);
  // its own directory goes with the container's end, as of any that has no name
  const id = await daemon.create(['true'], { autoRemove: true, mounts: [{ ...mounted(anonymous.name).mounts[0] }] });
  await must('POST', `/v1/containers/${id}/start`);
  await until('the anonymous one is gone', async () => !(await names()).includes(anonymous.name));
  await daemon.end('SIGKILL');
  // a file system that was mounted for the former daemon is gone with it, and what was cut off is taken up
  await daemon.start();
  assert.deepEqual(await names(), ['above', 'far', 'link', 'plain']);
  for (const name of await names()) await remove(name);
  await until('their own directories are gone', () => readdirSync(join(daemon.root, 'volumes')).length === 0);
  assert.deepEqual([readdirSync(device), readFileSync(join(link, 'file'), 'utf8')], [['file'], 'kept']);
  const { ino, mode, mtimeMs } = statSync(device);
  assert.deepEqual([ino, mode, mtimeMs], [before.ino, before.mode, before.mtimeMs]);
  assert.ok(existsSync(join(daemon.folder, 'host')));
  assert.equal((await must<SystemCheckResponse>('POST', '/v1/system/check', {})).sound, true);
});
