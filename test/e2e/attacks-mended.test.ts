/** Attacks that these tests found open in tare itself, and that were closed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attempt, Canary, hostileRoot } from '../harness/attacks.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const PROC = { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] };

/** Owner and mode of a node. */
const look = (path: string): string => {
  const { mode, uid, gid, rdev, ino } = statSync(path);
  return [mode.toString(8), uid, gid, rdev, ino].join(' ');
};

function nodeOf(name: string, major: number, minor: number): string {
  const path = join(daemon.folder, name);
  execFileSync('mknod', ['-m', '600', path, 'c', String(major), String(minor)]);
  execFileSync('chown', ['1234:1234', path]);
  return path;
}

test('2026-88264, 88265: a device of the host, bound over one that the runtime makes, keeps owner and mode', async () => {
  const asNull = nodeOf('as-null', 1, 3);
  const before = look(asNull);
  await attempt(daemon, ['/bin/true'], { mounts: [{ type: 'bind', source: asNull, target: '/dev/null' }] });
  assert.equal(look(asNull), before);
});

test('2026-88264, 88265: a device of the host, bound over one that is asked for, keeps owner and mode', async () => {
  const asked = nodeOf('as-fuse', 10, 229);
  const before = look(asked);
  const device = { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 5, gid: 5 };
  await attempt(daemon, ['/bin/true'], {
    mounts: [{ type: 'bind', source: asked, target: '/dev/fuse' }],
    oci: { linux: { devices: [device] } },
  });
  assert.equal(look(asked), before);
});

for (const to of ['/vol', 'vol', '../../../vol']) {
  test(`CVE-2026-41579, 47766: the image’s /dev is ${to}, a volume, and no mount covers it`, async () => {
    const canary = Canary.make(join(daemon.folder, `volume-${to.length}`));
    const rootfs = hostileRoot(daemon, `dev-${to.length}`);
    rmSync(join(rootfs, 'dev'), { recursive: true });
    mkdirSync(join(rootfs, 'vol'));
    symlinkSync(to, join(rootfs, 'dev'));
    const volume = { destination: '/vol', type: 'bind', source: canary.folder, options: ['rbind'] };
    await attempt(daemon, ['/bin/true'], { rootfs, oci: { mounts: [PROC, volume] } });
    assert.deepEqual(canary.changes(), []);
  });
}

test('CVE-2026-41579: a device asked for at a link of the image into a volume', async () => {
  const canary = Canary.make(join(daemon.folder, 'device-volume'));
  const rootfs = hostileRoot(daemon, 'device-link');
  symlinkSync('/vol', join(rootfs, 'link'));
  await attempt(daemon, ['/bin/true'], {
    rootfs,
    mounts: [{ type: 'bind', source: canary.folder, target: '/vol' }],
    devices: [{ source: '/dev/null', target: '/link/secret' }],
  });
  assert.deepEqual(canary.changes(), []);
});

for (const [name, link] of [
  ['/proc', '/link'],
  ['/proc', '/link/sys'],
  ['/proc', '/link/self'],
  ['/proc/sys/net/ipv4', '/link'],
] as const) {
  test(`CVE-2019-16884, 19921: a volume at ${link}, which the image links to ${name}`, async () => {
    const canary = Canary.make(join(daemon.folder, `over${link}${name}`.replaceAll('/', '-')));
    const rootfs = hostileRoot(daemon, `over-root${link}${name}`.replaceAll('/', '-'));
    symlinkSync(name, join(rootfs, 'link'));
    const { refused } = await attempt(daemon, ['/bin/true'], {
      rootfs,
      mounts: [{ type: 'bind', source: canary.folder, target: link }],
    });
    assert.ok(refused, 'the volume lies over procfs');
  });
}

test('a connection on which a WebSocket was refused answers on, or is closed', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ socketPath: daemon.socket, agent, path, headers, timeout: 10_000 }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer')));
      asked.on('error', reject);
      asked.end();
    });
  const handshake = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  try {
    assert.equal(await ask('/v1/execs/none/start', { ...handshake, origin: 'http://evil.example' }), 403);
    assert.equal(await ask('/v1/ping', {}), 200);
    assert.equal(await ask('/v1/execs/none/start', handshake), 404);
    assert.equal(await ask('/v1/ping', {}), 200);
  } finally {
    agent.destroy();
  }
});

test('a client that goes away in the middle of its body is no fault of the daemon’s own', async () => {
  const head =
    'POST /v1/containers HTTP/1.1\r\nhost: tare\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n';
  const socket = connect(daemon.socket, () => socket.write(head + '{"rootfs', () => socket.destroy()));
  await until('it is logged', () => daemon.output.includes('aborted'));
  assert.doesNotMatch(daemon.output, /"level":(50|60)/);
});
