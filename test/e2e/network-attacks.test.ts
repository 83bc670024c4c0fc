/** Attacks over the network: from a container, and from a neighbour of the host. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { HOST, NetworkRoom, OUTSIDE, RESOLVER, setting, WORLD, type Listener } from '../harness/network.ts';
import { until } from '../harness/until.ts';
import type { Place } from '../harness/place.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('red');
  await room.network('blue');
  await room.network('cellar', { internal: true });
});
after(() => room.close());

const on = (...networks: string[]) => ({ network: { networks: networks.map((network) => ({ network })) } });
const gatewaysOf = async (network: string): Promise<string[]> => {
  const detail = await room.daemon.client.must<{ subnets: { gateway: string }[] }>('GET', `/v1/networks/${network}`);
  return detail.subnets.map(({ gateway }) => gateway);
};
const familyOf = (address: string): '-4' | '-6' => (address.includes(':') ? '-6' : '-4');

test('CVE-2024-29018: names of the world are not asked for by who is on internal networks alone', async () => {
  const [inside, both] = [await room.idle(on('cellar')), await room.idle(on('cellar', 'red'))];
  const control = await both.place.run('nslookup', '-type=a', 'control.example');
  assert.ok(control.stdout.includes(WORLD), control.stdout + control.stderr);
  assert.deepEqual(room.names.asked, ['udp control.example']);
  for (const server of await gatewaysOf('cellar')) {
    const { stdout } = await inside.place.run('nslookup', '-type=a', 'secret.example', server);
    assert.ok(!stdout.includes(WORLD), stdout);
  }
  // Past the server: the host's own resolver, and another network's server.
  for (const server of [RESOLVER, HOST.v4, ...(await gatewaysOf('red'))]) {
    for (const protocol of ['udp', 'tcp'] as const)
      assert.match(await inside.place.askInVain(protocol, server, 53), /^(connect|answer) E/, `${protocol} ${server}`);
  }
  assert.deepEqual(room.names.asked, ['udp control.example']);
  await room.remove(inside, both);
});

test('CVE-2025-9074: nothing of the daemon listens but its DNS servers on their bridges', async () => {
  const [red, blue] = [await room.idle(on('red')), await room.idle(on('blue'))];
  const gateways = [...(await gatewaysOf('red')), ...(await gatewaysOf('blue')), ...(await gatewaysOf('cellar'))];
  const { stdout } = await room.host.run('ss', '-Hlntup');
  const sockets = stdout
    .split('\n')
    .filter((line) => line.includes(`pid=${room.daemon.pid},`))
    .map((line) => line.split(/\s+/)[4] ?? '')
    .map((socket) => [socket.slice(0, socket.lastIndexOf(':')).replace(/[[\]]|%.*/g, ''), socket.split(':').at(-1)]);
  assert.ok(sockets.length > 0, stdout);
  for (const [address, port] of sockets) {
    assert.equal(port, '53', stdout);
    assert.ok(gateways.includes(address ?? ''), `${address} is no gateway`);
  }
  // Those answer to their own network, not to others and not to the world.
  const query = async (place: Place, server: string): Promise<string> =>
    (await place.run('timeout', '1', 'busybox', 'nslookup', '-type=a', 'tare.example', server)).stdout;
  const [own] = await gatewaysOf('red');
  assert.ok((await query(red.place, own ?? '')).includes(WORLD));
  room.outside.ip('route', 'add', `${own}/32`, 'via', HOST.v4);
  assert.match(await room.outside.askInVain('tcp', own ?? '', 53), /^connect E/);
  assert.ok(!(await query(room.outside, own ?? '')).includes(WORLD));
  assert.ok(!(await query(blue.place, own ?? '')).includes(WORLD));
  await room.remove(red, blue);
});

/** Makes 127.0.0.0/8 somebody else's: what is sent there goes to `via`. */
function aimAtLoopback(place: Place, device: string, via: string): void {
  place.ip('address', 'delete', '127.0.0.1/8', 'dev', 'lo');
  place.ip('route', 'add', '127.0.0.0/8', 'via', via, 'dev', device);
}

/** A setting within the network of a process; its /proc/sys is the host's, which shows each reader its own network. */
async function set(place: Place, key: string, value: string): Promise<void> {
  const { code, stderr } = await place.run('sh', '-c', `echo ${value} >/proc/sys/net/${key}`);
  assert.equal(code, 0, stderr);
}

test('CVE-2020-8558: services of the host’s loopback are not reached through its addresses', async () => {
  const specs = ['tcp', 'udp'].map((protocol) => `${protocol}:127.0.0.1,9000`);
  const server = await room.host.serve(...specs);
  const c = await room.listener(['tcp:80'], {
    network: { publish: [{ hostPort: 8081, containerPort: 80, hostAddress: '127.0.0.1' }] },
  });
  const [endpoint] = (await room.inspect(c.id)).endpoints;
  assert.match(await room.host.ask('tcp', '127.0.0.1', 8081), new RegExp(` ${c.v4}$`));
  const containers = await room.networkOf(c.id);
  await set(containers, 'ipv4/conf/eth0/route_localnet', '1');
  aimAtLoopback(containers, 'eth0', endpoint?.gateway4 ?? '');
  await set(room.outside, 'ipv4/conf/out0/route_localnet', '1');
  aimAtLoopback(room.outside, 'out0', HOST.v4);
  const attempts = async (place: Place, from: string): Promise<void> => {
    for (const protocol of ['tcp', 'udp'] as const)
      assert.match(await place.askInVain(protocol, '127.0.0.1', 9000, { from }), /^(connect|answer) E/);
    assert.match(await place.askInVain('tcp', '127.0.0.1', 8081, { from }), /^connect E/);
  };
  await attempts(containers, c.v4);
  await attempts(room.outside, OUTSIDE.v4);
  assert.deepEqual(server.seen, []);
  await room.remove(c);
  // The attack is one: without the daemon and its rules, where the host lets its interface, it is carried out.
  await room.daemon.end('SIGTERM');
  execFileSync('nft', ['flush', 'ruleset']);
  setting.write('ipv4/conf/up0/route_localnet', '1');
  assert.equal(await room.outside.ask('udp', '127.0.0.1', 9000, { from: OUTSIDE.v4 }), `${OUTSIDE.v4} 127.0.0.1`);
  setting.write('ipv4/conf/up0/route_localnet', '0');
  await room.daemon.start();
  room.outside.ip('route', 'delete', '127.0.0.0/8');
  room.outside.ip('address', 'add', '127.0.0.1/8', 'dev', 'lo');
  await server.end();
});

test('a source address that is not its own leaves no container', async () => {
  const server = await room.outside.serve('udp:9');
  const [red, friend, blue, mate] = [
    await room.idle(on('red')),
    await room.idle(on('red')),
    await room.listener(['udp:80'], on('blue')),
    await room.idle(on('blue')),
  ] as [Listener, Listener, Listener, Listener];
  for (const [source, target] of [
    ['192.0.2.66', OUTSIDE.far4],
    [mate.v4, OUTSIDE.far4],
    [HOST.v4, OUTSIDE.far4],
    ['2001:db8:66::66', OUTSIDE.far6],
    [mate.v6, OUTSIDE.far6],
  ] as const)
    await (await room.networkOf(red.id)).tell(source, target, 9);
  for (const [source, target] of [
    [mate.v4, blue.v4],
    [mate.v6, blue.v6],
    [HOST.v4, blue.v4],
  ] as const)
    await (await room.networkOf(red.id)).tell(source, target, 80);
  // Datagrams keep their order: what comes after has come.
  assert.equal(await friend.place.ask('udp', OUTSIDE.far4, 9), `${HOST.v4} ${OUTSIDE.far4}`);
  assert.equal(await friend.place.ask('udp', OUTSIDE.far6, 9), `${HOST.v6} ${OUTSIDE.far6}`);
  assert.equal(await mate.place.ask('udp', blue.v4, 80), `${mate.v4} ${blue.v4}`);
  await until('the last is seen', async () => (await room.seen(blue.id)).length > 0);
  assert.deepEqual(server.seen, [`udp ${HOST.v4} ${OUTSIDE.far4}`, `udp ${HOST.v6} ${OUTSIDE.far6}`]);
  assert.deepEqual(await room.seen(blue.id), [`udp ${mate.v4} ${blue.v4}`]);
  await room.remove(red, friend, blue, mate);
  await server.end();
});

test('a neighbour of the host that routes through it reaches no port that is not published', async () => {
  const c = await room.listener(['tcp:80', 'tcp:81', 'udp:81'], {
    network: { publish: [{ hostPort: 8080, containerPort: 80 }] },
  });
  for (const [address, via] of [
    [c.v4, HOST.v4],
    [c.v6, HOST.v6],
  ] as const) {
    room.outside.ip(familyOf(address), 'route', 'add', address, 'via', via);
    for (const protocol of ['tcp', 'udp'] as const)
      assert.match(await room.outside.askInVain(protocol, address, 81), /^(connect|answer) E/);
  }
  assert.deepEqual(await room.seen(c.id), []);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8080), `${OUTSIDE.v4} ${c.v4}`);
  await room.remove(c);
});

test('CVE-2020-13401: a bridge believes no router among its containers', async () => {
  const c = await room.idle();
  const { bridge } = await room.daemon.client.must<{ bridge: string }>('GET', '/v1/networks/bridge');
  assert.equal(setting.read(`ipv6/conf/${bridge}/accept_ra`), '0');
  // Who forwards takes no redirects either, ip-sysctl(7): of IPv4 unless `all` is set, of IPv6 never.
  assert.equal(setting.read('ipv4/conf/all/accept_redirects'), '0');
  assert.equal(setting.read(`ipv6/conf/${bridge}/forwarding`), '1');
  await room.remove(c);
});
