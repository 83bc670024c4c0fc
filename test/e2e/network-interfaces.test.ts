/** For those who assemble their own: interfaces by kind, made or moved; namespaces pinned to files; directories. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { NetworkRoom, OUTSIDE } from '../harness/network.ts';
import { until } from '../harness/until.ts';

let room: NetworkRoom;
before(async () => {
  // What is pinned is to be seen from here.
  room = await NetworkRoom.open({ machineMounts: true });
});
after(() => room.close());

const hostLinks = (): string[] =>
  (JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname).sort();
const own = (...interfaces: Record<string, unknown>[]) => ({ network: { mode: 'none' }, interfaces });
const start = (id: string) => room.daemon.client.send<Problem>('POST', `/v1/containers/${id}/start`);
const inodeOf = (path: string): number => statSync(path).ino;

test('a veth is made in the container, its other end stays with the host', async () => {
  const c = await room.listener(
    ['tcp:80'],
    own({
      name: 'a0',
      add: 'veth',
      peer: 'peer0',
      addresses: ['192.0.2.1/24', '2001:db8:5::1/64'],
      routes: [{ destination: '198.18.0.0/15', gateway: '192.0.2.254' }, { destination: '2001:db8:6::/64' }],
    }),
  );
  assert.deepEqual(hostLinks(), ['lo', 'peer0', 'up0']);
  room.host.ip('link', 'set', 'peer0', 'up');
  room.host.ip('address', 'add', '192.0.2.254/24', 'dev', 'peer0');
  room.host.ip('address', 'add', '2001:db8:5::fe/64', 'dev', 'peer0', 'nodad');
  assert.equal(await room.host.ask('tcp', '192.0.2.1', 80), '192.0.2.254 192.0.2.1');
  assert.equal(await room.host.ask('tcp', '2001:db8:5::1', 80), '2001:db8:5::fe 2001:db8:5::1');
  assert.match(c.place.ip('route'), /198\.18\.0\.0\/15 via 192\.0\.2\.254 dev a0/);
  assert.match(c.place.ip('-6', 'route'), /2001:db8:6::\/64 dev a0/);
  await room.remove(c);
  await until('both ends are gone', () => !hostLinks().includes('peer0'));
});

test('any kind by its name, made in the host’s namespace and moved in', async () => {
  const macvlan = { name: 'm0', add: 'macvlan', peer: 'up0', createInRoot: true, addresses: ['203.0.113.77/24'] };
  const c = await room.listener(['tcp:80'], own(macvlan, { name: 'br7', add: 'bridge', addresses: ['192.0.2.7/32'] }));
  assert.equal(await room.outside.ask('tcp', '203.0.113.77', 80), `${OUTSIDE.v4} 203.0.113.77`);
  assert.match((await room.networkOf(c.id)).ip('-d', 'link', 'show', 'br7'), /bridge/);
  assert.deepEqual(hostLinks(), ['lo', 'up0']);
  await room.remove(c);
});

test('an interface of the host moves in, beside a network of the daemon', async () => {
  room.host.ip('link', 'add', 'mv0', 'type', 'veth', 'peer', 'name', 'mv0-far');
  const c = await room.listener(['tcp:80'], { interfaces: [{ name: 'mv0', addresses: ['192.0.2.33/24'] }] });
  assert.ok(!hostLinks().includes('mv0'));
  room.host.ip('link', 'set', 'mv0-far', 'up');
  room.host.ip('address', 'add', '192.0.2.34/24', 'dev', 'mv0-far');
  assert.equal(await room.host.ask('tcp', '192.0.2.33', 80), '192.0.2.34 192.0.2.33');
  assert.match(c.place.ip('-o', 'address', 'show', 'eth0'), / inet /);
  await room.remove(c);
  await until('it is gone', () => !hostLinks().includes('mv0-far'));
});

test('what cannot be made fails the start by the kernel’s words, and nothing is left', async () => {
  const links = hostLinks();
  for (const [wish, says] of [
    [{ name: 'x0', add: 'nosuchkind' }, /interfaces\[1\].*Unknown device type/],
    [{ name: 'nowhere0' }, /interfaces\[1\].*nowhere0/],
    [{ name: 'x0', add: 'macvlan', peer: 'nowhere0' }, /interfaces\[1\].*nowhere0/],
    [{ name: 'x0', add: 'veth', peer: 'up0' }, /interfaces\[1\].*(exist|EEXIST)/i],
    [
      {
        name: 'x0',
        add: 'bridge',
        addresses: ['192.0.2.1/24'],
        routes: [{ destination: '198.18.0.0/15', gateway: '9.9.9.9' }],
      },
      /interfaces\[1\]/,
    ],
  ] as const) {
    const id = await room.daemon.create(['true'], own({ name: 'good0', add: 'veth', peer: 'good1' }, wish));
    const { status, body } = await start(id);
    assert.ok(status >= 400 && status < 600, String(status));
    assert.match(`${body.field ?? ''} ${body.detail}`, says);
    assert.equal((await room.inspect(id)).status, 'created');
    await room.remove(id);
    await until('the first one is gone again', () => hostLinks().join() === links.join());
  }
});

test('pinned namespaces are there for others to join, until the container is removed', async () => {
  const files = Object.fromEntries(
    ['net', 'mnt', 'pid', 'ipc', 'uts'].map((kind) => [kind, join(room.daemon.folder, `pin-${kind}`)]),
  );
  const c = await room.listener(['tcp:80'], {
    ...own({ name: 'a0', add: 'veth', peer: 'peer0', addresses: ['192.0.2.1/24'] }),
    pinNamespaces: files,
  });
  const pid = await room.daemon.hostPid(c.id);
  for (const [kind, file] of Object.entries(files))
    assert.equal(inodeOf(file), inodeOf(`/proc/${pid}/ns/${kind}`), kind);
  const net = readlinkSync(`/proc/${pid}/ns/net`);
  const guest = await room.daemon.runToEnd(['talk', 'ask', 'tcp', '192.0.2.1', '80'], {
    network: { mode: `ns:${files.net}` },
  });
  assert.equal(guest.stdout, '192.0.2.1 192.0.2.1\n');
  // It outlives the container's processes.
  await room.daemon.client.must('POST', `/v1/containers/${c.id}/stop`, { timeout: 0 });
  const late = await room.daemon.runToEnd(['readlink', '/proc/self/ns/net'], { network: { mode: `ns:${files.net}` } });
  assert.equal(late.stdout.trim(), net);
  assert.ok(hostLinks().includes('peer0'));
  await room.remove(c);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${room.daemon.folder}/pin-`));
  await until('with it goes its interface', () => !hostLinks().includes('peer0'));
});

test('pins are made anew at each start, and kept when the daemon is killed', async () => {
  const file = join(room.daemon.folder, 'again-net');
  const c = await room.idle({ network: { mode: 'none' }, pinNamespaces: { net: file } });
  await room.daemon.client.must('POST', `/v1/containers/${c.id}/restart`, { timeout: 0 });
  assert.equal(inodeOf(file), inodeOf(`/proc/${await room.daemon.hostPid(c.id)}/ns/net`));
  await room.daemon.end('SIGKILL');
  await room.daemon.start();
  assert.equal(inodeOf(file), inodeOf(`/proc/${await room.daemon.hostPid(c.id)}/ns/net`));
  await room.remove(c);
  assert.doesNotMatch(execFileSync('cat', ['/proc/self/mountinfo'], { encoding: 'utf8' }), /again-net/);
});

test('directories are made before each start', async () => {
  const path = join(room.daemon.folder, 'made/below/deep');
  const { exit } = await room.daemon.runToEnd(['test', '-d', '/deep'], {
    network: { mode: 'none' },
    mkdir: [path],
    mounts: [{ type: 'bind', source: path, target: '/deep' }],
  });
  assert.equal(exit.code, 0);
  assert.ok(existsSync(path));
  assert.equal(statSync(path).mode & 0o777, 0o755);
});
