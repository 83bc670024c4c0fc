import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Value } from '@sinclair/typebox/value';
import { CreateRequest } from '../../../shared/api/container.ts';
import { parseArguments } from '../../../client/arguments.ts';
import { CREATE_FLAGS } from '../../../client/create/flags.ts';
import { createRequest } from '../../../client/create/request.ts';
import { parseMount } from '../../../client/create/mount-fields.ts';
import { parseDevice, parseTmpfs, parseVolume } from '../../../client/create/mounts.ts';
import { CliError, UsageError } from '../../../client/errors.ts';

const OWN = { HOME: '/root', EMPTY: '' };

/** The request for these words, which the API's own schema accepts. */
function request(...words: string[]): CreateRequest {
  const made = createRequest(parseArguments(words, CREATE_FLAGS, false), OWN);
  assert.deepEqual([...Value.Errors(CreateRequest, made)], []);
  return made;
}

function refused(...words: string[]): RegExpMatchArray | string {
  try {
    createRequest(parseArguments(words, CREATE_FLAGS, false), OWN);
  } catch (error) {
    assert.ok(error instanceof CliError);
    return error.message;
  }
  assert.fail(`${words.join(' ')} was accepted`);
}

describe('the request of create', () => {
  let directory: string;
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'tare-request-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it('names the root file system and how it is used', () => {
    assert.deepEqual(request('--rootfs', '/x'), { rootfs: '/x' });
    assert.deepEqual(request('--rootfs', '/x:ro'), { rootfs: '/x', rootfsMode: 'ro' });
    assert.deepEqual(request('--rootfs', '/x:rw'), { rootfs: '/x', rootfsMode: 'rw' });
    assert.deepEqual(request('--rootfs', '/a:b'), { rootfs: '/a:b' });
    assert.deepEqual(request('--rootfs', 'x'), { rootfs: resolve('x') });
    assert.deepEqual(request('--bundle', 'b'), { bundle: resolve('b') });
    assert.match(String(refused()), /an image, --rootfs DIR or --bundle DIR is needed/);
    assert.match(String(refused('--rootfs', '/', '--bundle', '/b')), /exclude each other/);
    assert.match(String(refused('--rootfs', ':ro')), /names no directory/);
  });

  it('names an image, and what stands behind it', () => {
    assert.deepEqual(request('debian:12'), { image: 'debian:12' });
    assert.deepEqual(request('debian', 'ls', '-l'), { image: 'debian', command: ['ls', '-l'] });
    assert.deepEqual(request('--platform', 'linux/arm64', '--entrypoint', 'sh', '--tmpfs-root', 'a/b@sha256:1'), {
      image: 'a/b@sha256:1',
      platform: 'linux/arm64',
      entrypoint: ['sh'],
      upper: 'tmpfs',
    });
    assert.deepEqual(request('--entrypoint', '', 'debian'), { image: 'debian', entrypoint: [] });
    assert.deepEqual(request('--rootfs', '/', 'debian'), { rootfs: '/', command: ['debian'] });
    assert.match(String(refused('')), /the name of the image is empty/);
    assert.match(String(refused('--platform', 'linux/amd64', '--rootfs', '/')), /--platform is for images/);
    assert.match(String(refused('--tmpfs-root', '--upper', 'disk', 'debian')), /exclude each other/);
  });

  it('takes everything at once', () => {
    const words =
      '--rootfs / --name web -it --rm -w /srv -u 1:2 --group-add 7 --group-add wheel -h box --domainname d --umask 0027 ' +
      '-l a=b -l c -m 512m --memory-swap -1 --memory-reservation 1g --cpus 1.5 -c 512 --cpuset-cpus 0-1 --pids-limit 99 ' +
      '--ulimit nofile=10:20 --oom-score-adj -5 --sysctl net.x=1 --cap-add NET_ADMIN --cap-drop ALL --privileged ' +
      '--read-only --security-opt no-new-privileges --security-opt seccomp=unconfined --net host --log-opt max-size=1m ' +
      '--log-opt max-file=3 --stop-signal INT --stop-timeout 4 --upper tmpfs sh -c -x';
    assert.deepEqual(request(...words.split(' ')), {
      rootfs: '/',
      name: 'web',
      command: ['sh', '-c', '-x'],
      tty: true,
      stdin: true,
      autoRemove: true,
      workdir: '/srv',
      user: '1:2',
      groups: ['7', 'wheel'],
      hostname: 'box',
      domainname: 'd',
      umask: '0027',
      labels: { a: 'b', c: '' },
      limits: {
        memory: '512m',
        memorySwap: -1,
        memoryReservation: '1g',
        cpus: 1.5,
        cpuShares: 512,
        cpuset: '0-1',
        pids: 99,
      },
      ulimits: [{ name: 'nofile', soft: 10, hard: 20 }],
      oomScoreAdj: -5,
      sysctls: { 'net.x': '1' },
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      security: { noNewPrivileges: true, seccomp: 'unconfined', privileged: true, readonlyRootfs: true },
      network: { mode: 'host' },
      log: { maxSize: '1m', maxFiles: 3 },
      stopSignal: 'INT',
      stopTimeout: 4,
      upper: 'tmpfs',
    });
  });

  it('takes --init, a log driver and detach keys', () => {
    const words =
      '--rootfs / --init --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 --detach-keys DEL';
    assert.deepEqual(request(...words.split(' ')), {
      ...{ rootfs: '/', init: true, detachKeys: 'DEL' },
      log: { driver: 'json-file', maxSize: '10m', maxFiles: 3 },
    });
    assert.deepEqual(request('--rootfs', '/', '--log-driver', 'none').log, { driver: 'none' });
  });

  it('takes modes, secrets and the further limits', () => {
    const words =
      '--rootfs / --pid host --ipc container:a --uts host --cgroupns private --shm-size 1m --device-cgroup-rule x ' +
      '--cpu-period 1 --cpu-quota 2 --cpuset-mems 0 --blkio-weight 10 --blkio-weight-device /dev/a:20 --memory-swappiness 0 ' +
      '--oom-kill-disable --device-read-bps /dev/a:1m --device-write-iops /dev/a:b:30 ' +
      '--secret src=/s/key --secret src=rel,target=/t,uid=1,gid=2,mode=0400 --secret env=HOME ' +
      '--security-opt apparmor=web --security-opt label=disable';
    const parsed = words.split(' ').map((word) => (word === 'x' ? 'c 1:2 rwm' : word));
    assert.deepEqual(request(...parsed), {
      ...{ rootfs: '/', pid: 'host', ipc: 'container:a', uts: 'host', cgroupNamespace: 'private', shmSize: '1m' },
      deviceRules: ['c 1:2 rwm'],
      limits: {
        ...{ cpuPeriod: 1, cpuQuota: 2, cpusetMems: '0', blkioWeight: 10, memorySwappiness: 0, oomKillDisable: true },
        blkioWeightDevice: [{ path: '/dev/a', weight: 20 }],
        deviceReadBps: [{ path: '/dev/a', rate: 1_048_576 }],
        deviceWriteIops: [{ path: '/dev/a:b', rate: 30 }],
      },
      secrets: [
        { source: '/s/key', target: 'key' },
        { source: resolve('rel'), target: '/t', uid: 1, gid: 2, mode: '0400' },
        { target: 'HOME', data: Buffer.from('/root').toString('base64') },
      ],
      security: { apparmor: 'web' },
    });
  });

  it('collects the environment from files, flags and the user', () => {
    const path = file('env', '\uFEFF# comment\n\n A=file\nB=file\r\nHOME\nNONE\n');
    const { env } = request('--rootfs', '/', '-e', 'A=flag', '--env-file', path, '-e', 'EMPTY', '-e', 'C=x=y');
    assert.deepEqual(env, ['A=flag', 'B=file', 'HOME=/root', 'EMPTY=', 'C=x=y']);
    assert.match(String(refused('--rootfs', '/', '-e', '=x')), /has no name/);
    assert.match(String(refused('--rootfs', '/', '--env-file', join(directory, 'absent'))), /cannot read .*absent/);
  });

  it('reads the OCI overlay and the seccomp profile from files', () => {
    const oci = file('oci.json', '{"linux":{"resources":{}}}');
    const profile = file('seccomp.json', '{"defaultAction":"SCMP_ACT_ALLOW"}');
    const made = request('--rootfs', '/', '--oci', oci, '--security-opt', `seccomp=${profile}`);
    assert.deepEqual(made.oci, { linux: { resources: {} } });
    assert.deepEqual(made.security?.seccomp, { defaultAction: 'SCMP_ACT_ALLOW' });
    assert.match(String(refused('--rootfs', '/', '--oci', file('list.json', '[]'))), /not a json object/);
    assert.match(String(refused('--rootfs', '/', '--oci', file('bad.json', '{'))), /is not json/);
  });

  it('has the restart policy and the health check', () => {
    assert.deepEqual(request('--rootfs', '/', '--restart', 'on-failure:3').restart, {
      name: 'on-failure',
      maximumRetryCount: 3,
    });
    assert.deepEqual(request('--rootfs', '/', '--restart', 'no', '--rm').restart, { name: 'no' });
    const words = ['--health-cmd', 'test -e /ok', '--health-interval', '1m30s', '--health-timeout', '250ms'];
    const more = ['--health-start-period', '2s', '--health-start-interval', '0s', '--health-retries', '7'];
    assert.deepEqual(request('--rootfs', '/', ...words, ...more, '--on-unhealthy', 'restart').healthcheck, {
      test: ['CMD-SHELL', 'test -e /ok'],
      interval: 90e9,
      timeout: 250e6,
      startPeriod: 2e9,
      startInterval: 0,
      retries: 7,
      onUnhealthy: 'restart',
    });
    assert.deepEqual(request('--rootfs', '/', '--no-healthcheck').healthcheck, { test: ['NONE'] });
    assert.equal(request('--rootfs', '/').healthcheck, undefined);
  });

  it('refuses by name what cannot be done', () => {
    for (const [words, message] of [
      [['--link', 'a:b:c'], /--link "a:b:c" is not CONTAINER\[:NAME\]/],
      [['--security-opt', 'label=type:x'], /label=type:x.* is not supported/],
      [['--device-read-bps', '/dev/a'], /--device-read-bps "\/dev\/a" is not NODE:BYTES/],
      [['--blkio-weight-device', '/dev/a:x'], /is not NODE:NUMBER/],
      [['--secret', 'target=x'], /needs src=FILE or env=NAME/],
      [['--secret', 'src=a,mode=0400,type=x'], /type=x is not supported/],
      [['--secret', 'env=TARE_NO_SUCH'], /there is no environment variable TARE_NO_SUCH/],
      [['--log-opt', 'tag=x'], /tag=x.* is not supported/],
      [['--log-driver', 'syslog'], /--log-driver "syslog" is not supported/],
      [['--ulimit', 'nofile'], /--ulimit "nofile" is not/],
      [['--sysctl', 'x'], /--sysctl "x" is not/],
      [['--restart', 'sometimes'], /--restart "sometimes" is none of/],
      [['--restart', 'always:3'], /--restart "always:3" is none of/],
      [['--restart', 'always', '--rm'], /--restart and --rm exclude each other/],
      [['--no-healthcheck', '--health-retries', '2'], /--no-healthcheck excludes/],
      [['--health-interval', 'soon'], /--health-interval: "soon" is not a duration/],
      [['--on-unhealthy', 'pray'], /--on-unhealthy "pray" is neither/],
    ] as const) {
      assert.match(String(refused('--rootfs', '/', ...words)), message);
    }
  });
});

describe('mounts', () => {
  it('of --volume', () => {
    assert.deepEqual(parseVolume('/a:/b'), { type: 'bind', source: '/a', target: '/b' });
    assert.deepEqual(parseVolume('./a:/b:ro,rslave,noexec'), {
      type: 'bind',
      source: resolve('a'),
      target: '/b',
      readonly: true,
      propagation: 'rslave',
      options: ['noexec'],
    });
    assert.deepEqual(parseVolume('name:/b:nocopy,ro,idmap'), {
      type: 'volume',
      source: 'name',
      target: '/b',
      noCopy: true,
      readonly: true,
      idmap: true,
    });
    assert.deepEqual(parseVolume('/b'), { type: 'volume', target: '/b' });
    for (const text of [
      'a/b:/b',
      ':/b',
      'a:',
      'name:/b:rslave',
      '/a:/b:nocopy',
      '/a:/b:ro:x',
      '/a:/b:what',
      '/a:/b:z',
    ]) {
      assert.throws(() => parseVolume(text), UsageError, text);
    }
  });

  it('of --tmpfs', () => {
    assert.deepEqual(parseTmpfs('/t'), { type: 'tmpfs', target: '/t' });
    assert.deepEqual(parseTmpfs('/t:size=64m,mode=01777,noexec,ro'), {
      type: 'tmpfs',
      target: '/t',
      size: '64m',
      mode: '1777',
      readonly: true,
      options: ['noexec'],
    });
  });

  it('of --mount', () => {
    assert.deepEqual(parseMount('type=bind,src=/a,dst=/b,readonly,bind-propagation=shared,bind-nonrecursive=true'), {
      type: 'bind',
      source: '/a',
      target: '/b',
      readonly: true,
      propagation: 'shared',
      recursive: false,
    });
    assert.deepEqual(parseMount('type=tmpfs,"target=/a,b",tmpfs-size=1m,tmpfs-mode=700,ro=false'), {
      type: 'tmpfs',
      target: '/a,b',
      size: '1m',
      mode: '700',
      readonly: false,
    });
    assert.deepEqual(parseMount('target=/b'), { type: 'volume', target: '/b' });
    assert.deepEqual(
      parseMount('dst=/b,volume-nocopy,src=v,volume-label=a=b,volume-label=c,volume-subpath=x/y,idmap,type=volume'),
      {
        type: 'volume',
        source: 'v',
        target: '/b',
        noCopy: true,
        labels: { a: 'b', c: '' },
        subpath: 'x/y',
        idmap: true,
      },
    );
    assert.deepEqual(parseMount('type=image,source=debian:12,target=/b,image-subpath=etc'), {
      type: 'image',
      source: 'debian:12',
      target: '/b',
      subpath: 'etc',
    });
    for (const text of [
      'type=bind,target=/b',
      'type=bind,source=/a',
      'type=image,target=/b',
      'type=tmpfs,target=/b,volume-nocopy',
      'type=volume,target=/b,bind-recursive=disabled',
      'type=tmpfs,source=/a,target=/b',
      'type=bind,source=/a,target=/b,readonly=maybe',
      'type=bind,source=/a,target=/b,volume-opt=x',
      'type=bind,source=/a,target=/b,bind-propagation=wild',
      '"type=bind',
    ]) {
      assert.throws(() => parseMount(text), UsageError, text);
    }
  });

  it('of --device', () => {
    assert.deepEqual(parseDevice('/dev/fuse'), { source: '/dev/fuse' });
    assert.deepEqual(parseDevice('/dev/a:/dev/b:rw'), { source: '/dev/a', target: '/dev/b', permissions: 'rw' });
    assert.deepEqual(parseDevice('/dev/a:r'), { source: '/dev/a', permissions: 'r' });
    assert.throws(() => parseDevice('fuse'), UsageError);
  });
});
