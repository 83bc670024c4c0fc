/** What an image says gives it nothing on the host: no key has a meaning, none of its programs runs outside, nobody else reads it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { haveImage, importFrom, loadFrom, makeImage, ociArchive, publish, pullFrom } from '../harness/images.ts';
import { TestRegistry } from '../harness/registry.ts';
import { file, tar, type Member } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

/** Keys that engines, runtimes and orchestrators have given a meaning to, and what would come of it. */
const KEYS: readonly (readonly [string, string])[] = [
  ['org.opencontainers.image.ref.name', '../../etc:1'],
  ['org.opencontainers.image.stopSignal', 'SIGKILL'],
  ['org.opencontainers.image.base.name', 'localhost/other'],
  ['containerd.io/restart.status', 'running'],
  ['containerd.io/restart.loguri', 'binary:///bin/busybox'],
  ['containerd.io/gc.root', 'x'],
  ['io.containerd.image.name', 'docker.io/library/other:latest'],
  ['io.kubernetes.cri.container-type', 'sandbox'],
  ['io.podman.annotations.privileged', 'TRUE'],
  ['io.podman.annotations.seccomp', 'unconfined'],
  ['io.podman.annotations.label', 'disable'],
  ['io.containers.capabilities', 'ALL'],
  ['io.containers.autoupdate', 'registry'],
  ['run.oci.hooks.stderr', '/tmp/tare-hook'],
  ['run.oci.handler', 'krun'],
  ['run.oci.keep_original_groups', '1'],
  ['run.oci.mount_context_type', 'x'],
  ['run.oci.seccomp.receiver', '/run/x.sock'],
  ['org.criu.config', '/tmp/criu.conf'],
  ['org.systemd.property.CPUWeight', 'uint64 10000'],
  ['com.docker.compose.project', 'x'],
  ['com.docker.network.bridge.name', 'br0'],
  ['cdi.k8s.io/x', 'vendor.com/device=all'],
  ['devices', '/dev/sda'],
  ['tare', 'x'],
  ['tare.privileged', 'true'],
  ['tare.anonymous', '1'],
  ['tare.rootfs', '/'],
  ['constructor', 'x'],
];

interface Detail {
  readonly spec: Record<string, unknown>;
  readonly labels: Record<string, string>;
}

/** The specification of a container of the image, without what is of this container alone. */
async function specOf(daemon: TestDaemon, image: string): Promise<Detail> {
  const id = await daemon.create(['/bin/true'], { rootfs: undefined, image, name: 'same', hostname: 'same' });
  const { spec, labels } = await daemon.client.must<Detail>('GET', `/v1/containers/${id}`);
  await daemon.client.must('DELETE', `/v1/containers/${id}?volumes=true`);
  return { spec: JSON.parse(JSON.stringify(spec).replaceAll(id, 'ID')) as Record<string, unknown>, labels };
}

test('CVE-2026-53488 and kin: labels and annotations of every key that has a meaning somewhere change nothing but themselves', async () => {
  const daemon = await TestDaemon.open();
  try {
    const layers = [busyboxLayer()];
    const labels = Object.fromEntries(KEYS);
    const manifestDocument = { annotations: labels };
    await haveImage(daemon, 'plain:latest', makeImage({ layers }));
    await haveImage(
      daemon,
      'labelled:latest',
      makeImage({ layers, config: { Labels: labels }, document: { annotations: labels }, manifestDocument }),
    );
    const [plain, labelled] = [await specOf(daemon, 'plain'), await specOf(daemon, 'labelled')];
    const { annotations: ours, ...rest } = labelled.spec;
    const { annotations: theirs, ...others } = plain.spec;
    assert.deepEqual(rest, others);
    assert.deepEqual(ours ?? {}, theirs ?? {});
    // They are shown as the image's own, and it bites: what is asked for by the user does change the specification.
    assert.deepEqual(
      Object.keys((await daemon.client.must<{ labels: object }>('GET', '/v1/images/labelled')).labels).sort(),
      Object.keys(labels).sort(),
    );
    const id = await daemon.create(['/bin/true'], {
      rootfs: undefined,
      image: 'plain',
      security: { privileged: true },
    });
    const asked = await daemon.client.must<Detail>('GET', `/v1/containers/${id}`);
    assert.notDeepEqual(asked.spec.process, plain.spec.process);
    const { names } = await daemon.client.must<{ names: string[] }>('GET', '/v1/images/labelled');
    assert.deepEqual(names, ['labelled:latest']);
  } finally {
    await daemon.close();
  }
});

/** Where it runs on the host, the canary is there. */
function planted(path: string, canary: string): Member {
  return file(path, `#!/bin/sh\necho ran >> ${canary}\n`, { mode: 0o755 });
}

const PROGRAMS = [
  'xz',
  'unxz',
  'gzip',
  'gunzip',
  'zstd',
  'unzstd',
  'pigz',
  'unpigz',
  'tar',
  'docker-tar',
  'ldconfig',
  'modprobe',
];
const LIBRARIES = [
  'libnss_files.so.2',
  'libnss_compat.so.2',
  'libnss_dns.so.2',
  'libc.so.6',
  'libz.so.1',
  'libgcc_s.so.1',
];

test('CVE-2019-14271, 2026-41567: planted libnss, xz, unpigz never run: the daemon starts its shims and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tare-trace-'));
  const trace = join(folder, 'trace');
  const canary = join(folder, 'canary');
  const daemon = await TestDaemon.open({
    // -D: the daemon keeps its own process
    under: ['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-e', 'trace=execve,execveat', '-s', '200', '-o', trace],
  });
  const registry = await TestRegistry.open();
  try {
    const evil = tar(
      ...PROGRAMS.flatMap((name) =>
        [`bin/${name}`, `usr/bin/${name}`, `sbin/${name}`].map((path) => planted(path, canary)),
      ),
      ...LIBRARIES.flatMap((name) =>
        [`lib/x86_64-linux-gnu/${name}`, `usr/lib/${name}`].map((path) => planted(path, canary)),
      ),
      file('etc/nsswitch.conf', 'passwd: files evil\ngroup: files evil\n'),
      file('etc/ld.so.preload', '/usr/lib/libz.so.1\n'),
    );
    const layers = [{ tar: busyboxLayer(), compression: 'zstd' as const }, evil];
    const image = makeImage({ layers, config: { User: 'alice:wheel', WorkingDir: '/made/anew' } });
    publish(registry, 'evil', 'latest', image);
    assert.equal((await pullFrom(daemon, `${registry.host}/evil`)).status, 200);
    assert.equal((await loadFrom(daemon, gzipSync(ociArchive({ 'evil:1': image })))).status, 200);
    assert.equal((await importFrom(daemon, zstdCompressSync(evil), { name: 'evil:2' })).status, 200);
    const id = await daemon.create(['/bin/busybox', 'sleep', '1000'], { rootfs: undefined, image: 'evil:1' });
    await daemon.client.must('POST', `/v1/containers/${id}/start`);
    const path = encodeURIComponent('/usr/bin');
    for (const verb of [`archive?path=${path}`, 'export', 'changes', 'top']) {
      const answer = await daemon.client.open('GET', `/v1/containers/${id}/${verb}`);
      assert.ok(Buffer.concat((await answer.toArray()) as Buffer[]).length > 0);
      assert.equal(answer.statusCode, 200, verb);
    }
    const tarball = { 'content-type': 'application/x-tar' };
    const put = await daemon.client.send(
      'PUT',
      `/v1/containers/${id}/archive?path=/tmp`,
      zstdCompressSync(evil),
      tarball,
    );
    assert.ok(put.status < 300, JSON.stringify(put.body));
    const committed = await daemon.client.send('POST', `/v1/containers/${id}/commit`, { name: 'evil:3' });
    assert.ok(committed.status < 300, JSON.stringify(committed.body));
    const maps = readFileSync(`/proc/${daemon.pid}/maps`, 'utf8');
    const loaded = maps.split('\n').filter((line) => / r.xp /.test(line) && line.includes(daemon.root));
    assert.deepEqual(loaded, []);
    await daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);
  } finally {
    await registry[Symbol.asyncDispose]();
    await daemon.close();
  }
  await until('the trace is whole', () => readdirSync(folder).includes('trace'));
  const calls = readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => line.includes('exec'));
  const programs = new Set(calls.map((line) => /execve(?:at)?\((?:[^,"]*, )?"([^"]*)"/.exec(line)?.[1]));
  // it bites: the daemon's own start is there
  assert.ok(
    calls.some((line) => line.includes('tared')),
    calls[0],
  );
  for (const program of programs)
    assert.doesNotMatch(program ?? '', /xz|zstd|gzip|pigz|(^|\/)tar$|ldconfig|modprobe|libnss/);
  assert.deepEqual(readdirSync(folder), ['trace']);
  rmSync(folder, { recursive: true });
});

/** As a user of no rights; what find(1) could not enter, and what it found. */
function walkAsNobody(path: string): { readonly found: string[]; readonly said: string } {
  const { stdout, stderr } = spawnSync('find', [path, '-mindepth', '1'], { uid: 65534, gid: 65534, encoding: 'utf8' });
  return { found: stdout.split('\n').filter((line) => line !== ''), said: stderr };
}

test('CVE-2021-21284, 41091: another user who walks the data root sees nothing of images, containers and volumes', async () => {
  const daemon = await TestDaemon.open();
  try {
    // the folder of the test would keep it out by itself
    chmodSync(daemon.folder, 0o755);
    await haveImage(
      daemon,
      'open:latest',
      makeImage({ layers: [busyboxLayer(file('secret', 'x', { mode: 0o4777 }))] }),
    );
    await daemon.client.must('POST', '/v1/volumes', { name: 'open' });
    const id = await daemon.create(['/bin/true'], { rootfs: undefined, image: 'open' });
    await daemon.client.must('POST', `/v1/containers/${id}/start`);
    await daemon.client.must('GET', `/v1/containers/${id}/wait`);
    const { found, said } = walkAsNobody(daemon.root);
    assert.deepEqual(found, []);
    assert.match(said, /Permission denied/);
    // each of them by itself, should the root be opened
    for (const name of ['images', 'containers', 'volumes']) {
      assert.equal(readdirSync(daemon.root).includes(name), true);
      chmodSync(daemon.root, 0o755);
      assert.deepEqual(walkAsNobody(join(daemon.root, name)).found, [], name);
    }
    // it bites: where all are open, files of the image are found
    for (const name of ['images', 'images/layers']) chmodSync(join(daemon.root, name), 0o755);
    for (const name of readdirSync(join(daemon.root, 'images/layers')))
      chmodSync(join(daemon.root, 'images/layers', name), 0o755);
    assert.ok(walkAsNobody(join(daemon.root, 'images/layers')).found.some((path) => path.endsWith('/secret')));
  } finally {
    await daemon.close();
  }
});
