/** Volumes and images that containers have mounted: what they begin with, how they are kept, what they keep out. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ContainerDetail } from '../../shared/api/container.ts';
import type { Volume } from '../../shared/api/volume.ts';
import { addAttack, Canary, remove, startHostile } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { haveImage, makeImage, oddImage } from '../harness/images.ts';
import { directory, file, hardlink, symlink, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  // root of a user namespace has to come to its root file system
  chmodSync(daemon.folder, 0o755);
  canary = Canary.make(join(daemon.folder, 'canary'));
  await haveImage(daemon, 'docker.io/library/odd:1', oddImage());
  await haveImage(daemon, 'docker.io/library/full:1', makeImage({ layers: FULL, config: { Volumes: VOLUMES } }));
});
after(() => daemon.close());

const VOLUMES = { '/data': {}, '/empty/': {}, '/../../nowhere': {} };
const FULL = [
  busyboxLayer(
    directory('data/', { uid: 1000, gid: 7, mode: 0o2750 }),
    file('data/suid', 'S', { uid: 5, mode: 0o4755, mtime: 1_111_111_111 }),
    file('data/named', 'N', { pax: { 'SCHILY.xattr.user.colour': 'green' } }),
    hardlink('data/named-too', 'data/named'),
    symlink('data/link', '/etc/passwd'),
    { name: 'data/pipe', type: '6', mode: 0o600 },
    directory('data/sub/', { mode: 0o700 }),
    file('data/sub/deep', 'of the first layer'),
    directory('data/shut/'),
    file('data/shut/below', 'never seen'),
    file('data/gone', 'never seen'),
    directory('empty/', { uid: 9, gid: 9, mode: 0o711 }),
    file('empty/gone', 'never seen'),
  ),
  tar(
    file('data/.wh.gone'),
    file('empty/.wh.gone'),
    directory('data/shut/'),
    file('data/shut/.wh..wh..opq'),
    file('data/shut/above', 'seen'),
    file('data/sub/second', 'of the second layer'),
  ),
];

type Request = Readonly<Record<string, unknown>>;

async function created(request: Request): Promise<string> {
  const body = { image: 'full:1', command: ['true'], ...request };
  return (await daemon.client.must<{ id: string }>('POST', '/v1/containers', body)).id;
}

async function ended(id: string): Promise<string> {
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  return (await daemon.logText(id, 'stdout')) + (await daemon.logText(id, 'stderr'));
}

async function printed(request: Request): Promise<string> {
  const id = await created(request);
  const text = await ended(id);
  await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
  return text;
}

const volumes = (): Promise<Volume[]> => daemon.client.must('GET', '/v1/volumes');
const volumesOf = async (id: string): Promise<ContainerDetail['volumes']> =>
  (await daemon.client.must<ContainerDetail>('GET', `/v1/containers/${id}`)).volumes;
const volume = (source: string, target: string, more: Request = {}): Request => ({
  ...{ type: 'volume', source, target },
  ...more,
});

const LOOK = `cd /data && stat -c '%n %F %a %u:%g %h' . * sub/* shut/* && cat link | head -1; cd / && stat -c '%a %u:%g' empty nowhere`;
const SEEN = `. directory 2750 1000:7 4
link symbolic link 777 0:0 1
named regular file 644 0:0 2
named-too regular file 644 0:0 2
pipe fifo 600 0:0 1
shut directory 755 0:0 2
sub directory 700 0:0 2
suid regular file 4755 5:0 1
sub/deep regular file 644 0:0 1
sub/second regular file 644 0:0 1
shut/above regular file 644 0:0 1
root:x:0:0:root:/root:/bin/sh
711 9:9
755 0:0
`;

test('volumes that the image wants are anonymous, begin with what it has there, and go with the container', async () => {
  const id = await created({ command: ['sh', '-c', `${LOOK}; touch /data/kept`] });
  const had = await volumesOf(id);
  assert.deepEqual(had.map(({ destination }) => destination).sort(), ['/data', '/empty', '/nowhere']);
  assert.equal(await ended(id), SEEN);
  // what was copied is copied once; the log has both runs
  const kept = SEEN.replace('link symbolic', 'kept regular empty file 644 0:7 1\nlink symbolic');
  assert.equal(await ended(id), SEEN + kept);
  const named = had.map(({ name }) => name);
  const data = join(daemon.root, 'volumes', had.find(({ destination }) => destination === '/data')?.name ?? '', 'data');
  assert.equal(statSync(join(data, 'suid')).mtimeMs, 1_111_111_111_000);
  assert.ok((await volumes()).every(({ name, anonymous }) => !named.includes(name) || anonymous));
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  assert.ok(existsSync(data), 'they stay unless they are asked for');
  for (const name of named) await daemon.client.must('DELETE', `/v1/volumes/${name}`);
  await printed({ command: ['true'] });
  assert.deepEqual(await volumes(), []);
});

test('autoRemove takes them too, but none that has a name', async () => {
  const id = await created({ autoRemove: true, mounts: [volume('stays', '/stays')] });
  assert.equal((await volumes()).length, 4);
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await until('only the named one is left', async () => (await volumes()).length === 1);
  const [left] = await volumes();
  assert.deepEqual([left?.name, left?.anonymous, left?.containers], ['stays', false, []]);
  await daemon.client.must('DELETE', '/v1/volumes/stays');
});

test('a named volume is made on demand, in use while a container has it, and filled by the first that may', async () => {
  const labels = { of: 'a test' };
  const first = await created({ mounts: [volume('shared', '/data', { noCopy: true, labels })] });
  assert.deepEqual((await volumes()).find(({ name }) => name === 'shared')?.labels, labels);
  assert.equal(await ended(first), '');
  const data = join(daemon.root, 'volumes/shared/data');
  assert.deepEqual(readdirSync(data), []);
  const refused = await daemon.client.send<{ code: string }>('DELETE', '/v1/volumes/shared');
  assert.equal(refused.body.code, 'volume_in_use');
  // on a plain directory nothing is copied either
  await daemon.runToEnd(['true'], { mounts: [volume('shared', '/data')] });
  assert.deepEqual(readdirSync(data), []);
  const look = ['sh', '-c', 'ls /data; echo mine > /data/named'];
  assert.match(await printed({ command: look, mounts: [volume('shared', '/data')] }), /^link\nnamed\n/);
  assert.equal(
    await printed({ command: ['cat', '/v/named'], mounts: [volume('shared', '/v', { readonly: true })] }),
    'mine\n',
  );
  await daemon.client.must('DELETE', `/v1/containers/${first}?volumes=true`);
  assert.ok(existsSync(join(data, 'named')), 'it has a name');
  await daemon.client.must('DELETE', '/v1/volumes/shared');
});

test('containers that start together fill a volume once; one that is not empty is left alone', async () => {
  const mounts = [volume('together', '/data')];
  const ids = await Promise.all(Array.from({ length: 6 }, () => created({ mounts, command: ['ls', '/data/sub'] })));
  for (const text of await Promise.all(ids.map(ended))) assert.equal(text, 'deep\nsecond\n');
  for (const id of ids) await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
  await daemon.client.must('DELETE', '/v1/volumes/together');
  await daemon.client.must('POST', '/v1/volumes', { name: 'touched' });
  await daemon.runToEnd(['touch', '/v/mine'], { mounts: [volume('touched', '/v')] });
  assert.equal(await printed({ command: ['ls', '/data'], mounts: [volume('touched', '/data')] }), 'mine\n');
  await daemon.client.must('DELETE', '/v1/volumes/touched');
});

test('a volume of the image gives way to a mount of the request, and lies in one that it is below', async () => {
  const mounts = [
    { type: 'tmpfs', target: '/data', size: '1m' },
    { type: 'tmpfs', target: '/empty/below', size: '1m' },
  ];
  const id = await created({ mounts, command: ['sh', '-c', 'ls /data; touch /empty/below/x; ls /empty/below'] });
  assert.deepEqual((await volumesOf(id)).map(({ destination }) => destination).sort(), ['/empty', '/nowhere']);
  assert.equal(await ended(id), 'x\n');
  await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
});

test('an image as a mount: read-only, or with what is written kept for the container; a part of it', async () => {
  const mounts = [
    { type: 'image', source: 'odd:1', target: '/whole' },
    { type: 'image', source: 'odd:1', target: '/own', readonly: false },
    { type: 'image', source: 'full:1', target: '/part', subpath: 'data/sub' },
    { type: 'image', source: 'full:1', target: '/single', subpath: '/../../data/link' },
  ];
  const command =
    'touch /whole/x; ls /part; head -1 /single; echo more >> /own/new; cat /own/new; test -e /whole/odd/b && echo odd';
  const id = await created({ mounts, command: ['sh', '-c', command] });
  const once = 'deep\nsecond\nroot:x:0:0:root:/root:/bin/sh\n';
  assert.equal(await ended(id), `${once}more\nodd\ntouch: /whole/x: Read-only file system\n`);
  assert.match(await ended(id), /more\nmore\nodd\n/);
  const refused = await daemon.client.send<{ code: string }>('DELETE', '/v1/images/odd:1');
  assert.equal(refused.body.code, 'image_in_use');
  await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
});

test('fields that a mount of this type does not have, or that cannot be', async () => {
  const field = async (mount: Request): Promise<string | undefined> => {
    const body = { image: 'full:1', command: ['true'], mounts: [{ target: '/t', ...mount }] };
    const answer = await daemon.client.send<{ field?: string; code?: string }>('POST', '/v1/containers', body);
    assert.ok(answer.status >= 400, `created: ${JSON.stringify(answer.body)}`);
    return answer.body.field ?? answer.body.code;
  };
  assert.equal(await field({ type: 'bind', source: 'relative/path' }), 'mounts[0].source');
  assert.equal(await field({ type: 'bind', source: '/etc', subpath: 'x' }), 'mounts[0].subpath');
  assert.equal(await field({ type: 'bind', source: '/etc', idmap: true }), 'mounts[0].idmap');
  assert.equal(await field({ type: 'volume', source: '../escape' }), 'mounts[0].source');
  assert.equal(await field({ type: 'volume', size: 5 }), 'mounts[0].size');
  assert.equal(await field({ type: 'tmpfs', labels: {} }), 'mounts[0].labels');
  assert.equal(await field({ type: 'image' }), 'mounts[0].source');
  assert.equal(await field({ type: 'image', source: 'odd:1', subpath: 'not/there' }), 'mounts[0].subpath');
  assert.equal(await field({ type: 'image', source: 'no-such' }), 'image_not_found');
  assert.deepEqual(await volumes(), [], 'nothing is half done');
});

test('owners are mapped through the user namespace where that is asked for', async () => {
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const namespaces = ['pid', 'network', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type }));
  const oci = { linux: { namespaces, uidMappings: mappings, gidMappings: mappings } };
  const source = join(daemon.folder, 'idmapped');
  mkdirSync(source);
  const mounts = [{ type: 'bind', source, target: '/bound', idmap: true }, volume('mapped', '/data', { idmap: true })];
  const command = ['sh', '-c', 'stat -c "%u %a" /data /data/suid /bound; touch /data/new /bound/new'];
  assert.equal(await printed({ oci, mounts, command }), '1000 2750\n5 4755\n0 755\n');
  assert.equal(statSync(join(source, 'new')).uid, 0);
  assert.equal(statSync(join(daemon.root, 'volumes/mapped/data/new')).uid, 0);
  await daemon.client.must('DELETE', '/v1/volumes/mapped');
});

test('CVE-2022-23648, 2021-25741: links in a volume, and a subpath, lead nowhere outside', async () => {
  const { folder } = canary;
  await daemon.client.must('POST', '/v1/volumes', { name: 'linked' });
  const data = join(daemon.root, 'volumes/linked/data');
  symlinkSync(folder, join(data, 'absolute'));
  symlinkSync(`../../../../../../../../..${folder}`, join(data, 'relative'));
  for (const subpath of ['absolute', 'relative', `/../../../..${folder}`, '/../../etc']) {
    const id = await created({ mounts: [volume('linked', '/v', { subpath })], command: ['ls', '/v'] });
    const { status, body } = await daemon.client.send<{ detail: string }>('POST', `/v1/containers/${id}/start`);
    assert.ok(status >= 400, `started with ${subpath}`);
    assert.match(body.detail, /no such file or directory: ENOENT/);
    await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
  }
  await daemon.client.must('DELETE', '/v1/volumes/linked');
  assert.deepEqual(canary.changes(), []);
});

test('CVE-2021-25741: a subpath is exchanged for a link to the host while containers start', async () => {
  await daemon.client.must('POST', '/v1/volumes', { name: 'raced' });
  const data = join(daemon.root, 'volumes/raced/data');
  mkdirSync(join(data, 'point'));
  symlinkSync(canary.folder, join(data, 'link'));
  addAttack(join(daemon.rootfs, 'bin/attack'));
  const racer = await startHostile(daemon, ['attack', 'swap', '/vol/point', '/vol/link'], {
    mounts: [volume('raced', '/vol')],
  });
  let started = 0;
  for (let turn = 0; turn < 30; turn++) {
    const id = await daemon.create(['ls', '/v'], { mounts: [volume('raced', '/v', { subpath: 'point' })] });
    const { status } = await daemon.client.send('POST', `/v1/containers/${id}/start`);
    if (status < 300) {
      started++;
      await daemon.client.must('GET', `/v1/containers/${id}/wait`);
      assert.equal(await daemon.logText(id, 'stdout'), '');
    }
    await remove(daemon, id);
  }
  assert.ok(started > 0);
  await remove(daemon, racer);
  await daemon.client.must('DELETE', '/v1/volumes/raced');
  assert.deepEqual(canary.changes(), []);
});
