/** Containers made of images: what the image says of how they run, their root, and what they are shown as. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ContainerDetail, ContainerSummary } from '../../shared/api/container.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { haveImage, imageOfLayers, makeImage, oddImage, type ImageSpec } from '../harness/images.ts';
import { makeRootfs } from '../harness/rootfs.ts';
import { directory, file, symlink, tar, type Member } from '../harness/tar.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const NAME = 'demo';
type Request = Readonly<Record<string, unknown>>;

/** Makes the image what "demo" means. */
async function demo(config: Record<string, unknown>, ...more: readonly (Member | Buffer)[]): Promise<string> {
  const layers: ImageSpec['layers'] = more.length === 0 ? [busyboxLayer()] : [busyboxLayer(), tar(...more)];
  return haveImage(daemon, `docker.io/library/${NAME}:latest`, makeImage({ layers, config }));
}

/** Runs to the end in an image; what it printed. */
async function printed(request: Request = {}): Promise<string> {
  const { id } = await daemon.client.must<{ id: string }>('POST', '/v1/containers', { image: NAME, ...request });
  await daemon.client.must('POST', `/v1/containers/${id}/start`);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  const text = (await daemon.logText(id, 'stdout')) + (await daemon.logText(id, 'stderr'));
  await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
  return text;
}

async function refusal(request: Request): Promise<{ status: number; code?: string; field?: string; detail?: string }> {
  const { status, body } = await daemon.client.send<{ code?: string; field?: string; detail?: string }>(
    'POST',
    '/v1/containers',
    { image: NAME, ...request },
  );
  assert.ok(status >= 400, `created: ${JSON.stringify(body)}`);
  const { code, field, detail } = body;
  return {
    status,
    ...(code === undefined ? {} : { code }),
    ...(field === undefined ? {} : { field }),
    ...(detail === undefined ? {} : { detail }),
  };
}

test('Entrypoint and Cmd, and what takes their place', async () => {
  await demo({ Entrypoint: ['echo', 'entry'], Cmd: ['cmd'], ArgsEscaped: true });
  assert.equal(await printed(), 'entry cmd\n');
  assert.equal(await printed({ command: ['mine'] }), 'entry mine\n');
  assert.equal(await printed({ entrypoint: ['echo', 'other'] }), 'other\n', 'the Cmd was for the other one');
  assert.equal(await printed({ entrypoint: ['echo', 'other'], command: ['x'] }), 'other x\n');
  assert.equal(await printed({ entrypoint: [], command: ['echo', 'bare'] }), 'bare\n');
  await demo({ Cmd: null });
  assert.deepEqual(await refusal({}), {
    ...{ status: 400, code: 'invalid_field', field: 'command' },
    detail: `command: is missing, and image "${NAME}" has none`,
  });
});

test('Env, User, WorkingDir, StopSignal, and what the request says in their place', async () => {
  const show = ['sh', '-c', 'echo $A $B $HOME; id -u; id -G; pwd; stat -c "%a %u" .'];
  await demo({
    Env: ['A=1', 'B=of the image', 'PATH=/bin', 'no value', '=x'],
    User: 'alice',
    WorkingDir: 'made/here',
    Cmd: show,
  });
  assert.equal(await printed(), '1 of the image /home/alice\n1000\n1000 10\n/made/here\n755 0\n');
  assert.equal(
    await printed({ env: ['B=mine'], user: '1:10', workdir: '/also/made' }),
    '1 mine /\n1\n10\n/also/made\n755 0\n',
  );
  await demo({
    StopSignal: 'SIGUSR1',
    Cmd: ['sh', '-c', 'trap "echo usr1; exit 7" USR1; echo ready; while :; do sleep 0.1; done'],
  });
  const { id } = await daemon.client.must<{ id: string }>('POST', '/v1/containers', { image: NAME, tty: true });
  const { stopSignal } = await daemon.client.must<ContainerDetail>('GET', `/v1/containers/${id}`);
  assert.equal(stopSignal, 'SIGUSR1');
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
});

test('accounts are those of the layers together, and what they hold is bounded', async () => {
  const command = ['id'];
  // the upper layer's file counts, a whiteout takes one away, a number is never a name
  await demo(
    { User: 'carol:staff' },
    file('etc/passwd', '1000:x:5:5::/:\ncarol:x:77:78::/c:\n'),
    file('etc/group', 'staff:x:50:carol\n'),
  );
  assert.match(await printed({ command }), /^uid=77\(carol\) gid=50\(staff\)/);
  assert.match(await printed({ command, user: '1000' }), /^uid=1000 gid=0/);
  await demo({ User: 'alice' }, file('etc/.wh.passwd'));
  assert.match((await refusal({ command })).detail ?? '', /image "demo": its User: there is no user "alice"/);
  await demo({ User: '4294967296' });
  assert.deepEqual(await refusal({ command }), {
    ...{ status: 422, code: 'image_unsupported', field: 'image' },
    detail: 'image "demo": its User: 4294967296 is not an id of 0 to 4294967294',
  });
  await demo({ User: 'x' }, symlink('etc/passwd', 'passwd'));
  assert.match((await refusal({ command })).detail ?? '', /too many symbolic links/);
  await demo({ User: 'x' }, { name: 'etc/passwd', type: '6' });
  assert.match((await refusal({ command })).detail ?? '', /not a regular file/);
  // a link in the image ends inside it
  await demo(
    { User: 'inside' },
    symlink('etc/passwd', '/../../../../elsewhere'),
    file('elsewhere', 'inside:x:9:9::/:\n'),
  );
  assert.match(await printed({ command }), /^uid=9/);
  await demo({ StopSignal: 'SIGNOSUCH\u001b[31m' });
  const { code, detail = '' } = await refusal({ command });
  assert.equal(code, 'image_unsupported');
  assert.match(detail, /its StopSignal/);
  assert.ok(!detail.includes('\u001b'));
});

test('inspect and list show the image, its ports and its health check; labels are merged and mean nothing', async () => {
  const imageId = await demo({
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 5_000_000_000 },
    Labels: { keep: 'image', both: 'image', 'io.tare.privileged': 'true', 'security.seccomp': 'unconfined' },
  });
  const body = { image: NAME, command: ['true'], labels: { both: 'mine' } };
  const { id } = await daemon.client.must<{ id: string }>('POST', '/v1/containers', body);
  const shown = async (): Promise<void> => {
    const detail = await daemon.client.must<ContainerDetail>('GET', `/v1/containers/${id}`);
    assert.deepEqual([detail.image, detail.imageId, detail.rootfs], [NAME, imageId, '']);
    assert.deepEqual(detail.exposedPorts.toSorted(), ['53/udp', '80/tcp']);
    const { test: probe, interval, retries } = detail.healthcheck ?? {};
    assert.deepEqual([probe, interval, retries], [['CMD', 'true'], 5_000_000_000, 3]);
    assert.deepEqual([detail.labels.keep, detail.labels.both], ['image', 'mine']);
    const spec = detail.spec as { annotations?: unknown; linux: { seccomp?: unknown } };
    assert.equal(spec.annotations, undefined);
    assert.notEqual(spec.linux.seccomp, undefined);
    const [summary] = await daemon.client.must<ContainerSummary[]>('GET', `/v1/containers?all=true&id=${id}`);
    assert.deepEqual([summary?.image, summary?.imageId], [NAME, imageId]);
  };
  await shown();
  await daemon.end('SIGTERM');
  await daemon.start();
  await shown();
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
});

test('the root is what the layers make together, also where they are many', async () => {
  await haveImage(daemon, 'docker.io/library/odd:1', oddImage());
  const listed = await printed({ image: 'odd:1', command: ['ls', '/odd/'] });
  assert.match(listed, /^a\na-again\n/);
  const many = await haveImage(daemon, 'docker.io/library/many:1', imageOfLayers(150));
  assert.equal(await printed({ image: many, command: ['sh', '-c', 'echo ok > /new; cat /new'] }), 'ok\n');
  assert.equal(
    await printed({ image: many.slice(7, 20), upper: 'tmpfs', command: ['echo', 'in memory'] }),
    'in memory\n',
  );
});

test('an image without layers has an empty root', async () => {
  await haveImage(daemon, 'docker.io/library/empty:1', makeImage({ layers: [], config: { Cmd: ['/bin/ls', '/'] } }));
  const bind = { type: 'bind', source: join(daemon.rootfs, 'bin'), target: '/bin', readonly: true };
  assert.equal(await printed({ image: 'empty:1', mounts: [bind] }), 'bin\ndev\nproc\nsys\n');
});

test('a read-only root is written to by nobody, its working directory made before', async () => {
  await demo({ WorkingDir: '/made' });
  const command = ['sh', '-c', 'pwd; touch /x /made/y'];
  const text = await printed({ security: { readonlyRootfs: true }, command });
  assert.equal(text, '/made\ntouch: /x: Read-only file system\ntouch: /made/y: Read-only file system\n');
  const { field } = await refusal({ rootfsMode: 'rw', command: ['true'] });
  assert.equal(field, 'rootfsMode');
});

test('what is asked for, or the image is, that cannot be', async () => {
  await demo({});
  const ask = async (request: Request): Promise<string> => {
    const { code, field } = await refusal({ command: ['true'], ...request });
    return `${code ?? ''} ${field ?? ''}`.trim();
  };
  assert.equal(await ask({ image: 'no-such' }), 'image_not_found');
  assert.equal(await ask({ platform: 'linux/s390x' }), 'no_such_platform platform');
  assert.equal(await ask({ rootfs: daemon.rootfs }), 'invalid_field rootfs');
  assert.equal(
    await ask({ image: undefined, rootfs: daemon.rootfs, platform: 'linux/amd64' }),
    'invalid_field platform',
  );
  await haveImage(daemon, 'docker.io/library/far:1', makeImage({ document: { architecture: 's390x' } }));
  const { id, warnings } = await daemon.client.must<{ id: string; warnings: string[] }>('POST', '/v1/containers', {
    ...{ image: 'far:1', platform: 'linux/s390x', command: ['true'] },
  });
  assert.deepEqual(warnings, ['image "far:1" is for linux/s390x, this machine is linux/amd64']);
  const gone = await daemon.client.send<{ code: string }>('DELETE', '/v1/images/far:1');
  assert.equal(gone.body.code, 'image_in_use');
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  await daemon.client.must('DELETE', '/v1/images/far:1');
});

test('CVE-2019-16884, 2023-27561: /proc is a link in the image, or a volume of it', async () => {
  await demo({}, file('.wh.proc'), symlink('proc', 'tmp'));
  const { id } = await daemon.client.must<{ id: string }>('POST', '/v1/containers', { image: NAME, command: ['true'] });
  const { status, body } = await daemon.client.send<{ detail: string }>('POST', `/v1/containers/${id}/start`);
  assert.ok(status >= 400, 'started');
  assert.match(body.detail, /mount proc at \/proc/);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  for (const volume of ['/proc', '/proc/self', '//proc/../proc/sys/kernel', '/']) {
    await demo({ Volumes: { [volume]: {} } });
    const { code, detail = '' } = await refusal({ command: ['true'] });
    assert.equal(code, 'image_unsupported', detail);
  }
});

test('in a user namespace the layers hide what they hide', async () => {
  await demo({}, directory('hidden/'), file('hidden/.wh..wh..opq'), file('hidden/upper', 'u'));
  await haveImage(
    daemon,
    'docker.io/library/hiding:1',
    makeImage({
      layers: [
        busyboxLayer(directory('hidden/'), file('hidden/lower', 'l')),
        tar(directory('hidden/'), file('hidden/.wh..wh..opq'), file('hidden/upper', 'u')),
      ],
    }),
  );
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const namespaces = ['pid', 'network', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type }));
  const oci = { linux: { namespaces, uidMappings: mappings, gidMappings: mappings } };
  const command = ['sh', '-c', 'ls /hidden; id -u; echo x > /new && stat -c %u /new'];
  assert.equal(await printed({ image: 'hiding:1', oci, command }), 'upper\n0\n0\n');
});

test('a bundle with a directory "lower": nothing is written to it', async () => {
  const bundle = join(daemon.folder, 'bundle');
  mkdirSync(join(bundle, 'lower'), { recursive: true });
  makeRootfs(join(bundle, 'lower'));
  const config = (readonly: boolean): void => {
    const process = { args: ['/bin/sh', '-c', 'echo made > /new; ls /new'], cwd: '/', user: { uid: 0, gid: 0 } };
    const namespaces = ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type }));
    const proc = { destination: '/proc', type: 'proc', source: 'proc' };
    const spec = {
      ociVersion: '1.0.2',
      root: { path: 'rootfs', readonly },
      process,
      mounts: [proc],
      linux: { namespaces },
    };
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
  };
  const ask = { image: undefined, bundle };
  config(false);
  assert.equal(await printed(ask), '/new\n');
  assert.equal(await printed({ ...ask, upper: 'tmpfs' }), '/new\n');
  config(true);
  assert.match(await printed(ask), /Read-only file system/);
  assert.equal((await refusal({ ...ask, upper: 'disk' })).field, 'upper');
  assert.ok(!readdirSync(join(bundle, 'lower')).includes('new'));
});
