/** Who reaches whom, and as whom: containers, the host, and a world outside that is a namespace of the test's own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { HOST, Keeper, NetworkRoom, OUTSIDE, setting } from '../harness/network.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
});
after(() => room.close());

const nft = (...words: string[]): string => execFileSync('nft', words, { encoding: 'utf8' });
const hostLinks = (): string[] =>
  (JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname);
const on = (...networks: string[]) => ({ network: { networks: networks.map((network) => ({ network })) } });

test('a daemon without networked containers changes nothing on the host', async () => {
  const { stdout } = await room.daemon.runToEnd(['ip', '-o', 'address'], { network: { mode: 'none' } });
  assert.match(stdout, /lo +inet 127\.0\.0\.1\/8 /);
  assert.match(stdout, /lo +inet6 ::1\/128 /);
  assert.doesNotMatch(stdout, /eth0/);
  const { exit } = await room.daemon.runToEnd(['true'], { network: { mode: 'host' } });
  assert.equal(exit.code, 0);
  assert.deepEqual(hostLinks().sort(), ['lo', 'up0']);
  assert.equal(nft('list', 'ruleset'), '');
  assert.deepEqual([setting.read('ipv4/ip_forward'), setting.read('ipv6/conf/all/forwarding')], ['0', '0']);
});

test('outside sees the address of the host, where forwarding was off', async () => {
  const server = await room.outside.serve('tcp:80', 'udp:80');
  const { id, place } = await room.idle();
  for (const protocol of ['tcp', 'udp'] as const) {
    for (const [address, host] of [
      [OUTSIDE.far4, HOST.v4],
      [OUTSIDE.far6, HOST.v6],
    ] as const) {
      assert.equal(await place.ask(protocol, address, 80), `${host} ${address}`);
    }
  }
  assert.equal(server.seen.length, 4);
  const { network } = await room.daemon.client.must<{ network: { changed: { key: string; before: string }[] } }>(
    'GET',
    '/v1/info',
  );
  for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
    assert.equal(network.changed.find((change) => change.key === key)?.before, '0', JSON.stringify(network));
  const detail = await room.inspect(id);
  assert.deepEqual([detail.networkMode, detail.networks], ['bridge', ['bridge']]);
  await room.remove(id);
  await server.end();
});

test('two containers of a network reach each other by name, alias and id, over both families', async () => {
  await room.network('town');
  const alice = await room.idle({ name: 'alice', ...on('town') });
  const bob = await room.listener(['tcp:80', 'udp:80'], {
    name: 'bob',
    network: { networks: [{ network: 'town', aliases: ['shop', 'Shop.Example'] }] },
  });
  for (const name of ['bob', 'shop', 'shop.example', bob.id.slice(0, 12)]) {
    for (const protocol of ['tcp', 'udp'] as const) {
      assert.equal(await alice.place.ask(protocol, name, 80, { family: 4 }), `${alice.v4} ${bob.v4}`);
      assert.equal(await alice.place.ask(protocol, name, 80, { family: 6 }), `${alice.v6} ${bob.v6}`);
    }
  }
  // A C library of the other kind, and itself.
  const looked = await alice.place.run('nslookup', 'bob');
  assert.ok(looked.stdout.includes(`Address: ${bob.v4}`) && looked.stdout.includes(bob.v6), looked.stdout);
  assert.equal(await bob.place.ask('tcp', 'bob', 80, { family: 4 }), `${bob.v4} ${bob.v4}`);
  const reverse = await alice.place.run('nslookup', bob.v4);
  assert.match(reverse.stdout, /name = bob\b/);
  await room.remove(alice, bob);
  await room.daemon.client.must('DELETE', '/v1/networks/town');
});

test('containers of different networks do not reach each other, by name or address', async () => {
  await room.network('red');
  await room.network('blue');
  const red = await room.idle({ name: 'in-red', ...on('red') });
  const blue = await room.listener(['tcp:80', 'udp:80'], { name: 'in-blue', ...on('blue') });
  const bridge = await room.idle({ network: { mode: 'bridge' } });
  const neighbour = await room.idle(on('blue'));
  for (const stranger of [red, bridge]) {
    assert.match(await stranger.place.ask('tcp', 'in-blue', 80), /^resolve /);
    for (const address of [blue.v4, blue.v6]) {
      for (const protocol of ['tcp', 'udp'] as const)
        assert.match(await stranger.place.askInVain(protocol, address, 80), /^(connect|answer) E/);
    }
  }
  assert.equal(await neighbour.place.ask('tcp', blue.v4, 80), `${neighbour.v4} ${blue.v4}`);
  assert.equal(await neighbour.place.ask('tcp', blue.v6, 80), `${neighbour.v6} ${blue.v6}`);
  // Those that were let through are all that it has seen.
  assert.deepEqual(await room.seen(blue.id), [`tcp ${neighbour.v4} ${blue.v4}`, `tcp ${neighbour.v6} ${blue.v6}`]);
  await room.remove(red, blue, bridge, neighbour);
});

test('a container of both networks reaches both, and does not forward between them', async () => {
  const [red, both] = [await room.listener(['tcp:80'], on('red')), await room.idle(on('red', 'blue'))];
  const blue = await room.listener(['tcp:80'], { name: 'in-blue', ...on('blue') });
  const { endpoints } = await room.inspect(both.id);
  assert.deepEqual(
    endpoints.map((endpoint) => [endpoint.interface, endpoint.networkName]),
    [
      ['eth0', 'red'],
      ['eth1', 'blue'],
    ],
  );
  assert.equal(await both.place.ask('tcp', red.v4, 80), `${both.v4} ${red.v4}`);
  assert.equal(
    await both.place.ask('tcp', 'in-blue', 80, { family: 4 }),
    `${endpoints[1]?.ipv4?.split('/')[0]} ${blue.v4}`,
  );
  assert.match(both.place.ip('route'), new RegExp(`default via ${endpoints[0]?.gateway4} `));
  await room.remove(red, both, blue);
});

test('nothing of an internal network reaches outside, whatever routes it has', async () => {
  await room.network('cellar', { internal: true });
  const server = await room.outside.serve('tcp:80', 'udp:80');
  const [one, other] = [
    await room.idle(on('cellar')),
    await room.listener(['tcp:80'], { name: 'other', ...on('cellar') }),
  ];
  assert.equal(await one.place.ask('tcp', 'other', 80, { family: 4 }), `${one.v4} ${other.v4}`);
  assert.equal(await one.place.ask('tcp', 'other', 80, { family: 6 }), `${one.v6} ${other.v6}`);
  const tries = async (): Promise<void> => {
    for (const address of [OUTSIDE.far4, OUTSIDE.v4, OUTSIDE.far6, OUTSIDE.v6]) {
      for (const protocol of ['tcp', 'udp'] as const)
        assert.match(await one.place.askInVain(protocol, address, 80), /^(connect|answer) E/);
    }
  };
  await tries();
  const { subnets } = await room.daemon.client.must<{ subnets: { gateway: string }[] }>('GET', '/v1/networks/cellar');
  for (const { gateway } of subnets) {
    const family = gateway.includes(':') ? '-6' : '-4';
    one.place.ip(family, 'route', 'replace', 'default', 'via', gateway);
  }
  await tries();
  assert.deepEqual(server.seen, []);
  await room.remove(one, other);
  await server.end();
});

test('without interContainer the containers of a network reach outside but not each other', async () => {
  await room.network('apart', { interContainer: false });
  const server = await room.outside.serve('tcp:80');
  const [one, other] = [await room.idle(on('apart')), await room.listener(['tcp:80'], on('apart'))];
  for (const address of [other.v4, other.v6]) assert.match(await one.place.askInVain('tcp', address, 80), /^connect E/);
  assert.equal(await one.place.ask('tcp', OUTSIDE.far4, 80), `${HOST.v4} ${OUTSIDE.far4}`);
  assert.deepEqual(await room.seen(other.id), []);
  await room.remove(one, other);
  await server.end();
});

test('mode host is the host, mode none has loopback alone', async () => {
  const host = await room.listener(['tcp:8081'], { network: { mode: 'host' } });
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8081), `${OUTSIDE.v4} ${HOST.v4}`);
  assert.equal((await room.inspect(host.id)).networkMode, 'host');
  const none = await room.listener(['tcp:80'], { network: { mode: 'none' } });
  assert.equal(await none.place.ask('tcp', '127.0.0.1', 80), '127.0.0.1 127.0.0.1');
  assert.equal(await none.place.ask('tcp', '::1', 80), '::1 ::1');
  assert.equal(await none.place.ask('tcp', HOST.v4, 8081), 'connect ENETUNREACH');
  assert.deepEqual((await room.inspect(none.id)).endpoints, []);
  await room.remove(host, none);
});

test('mode container:ID joins a running container, its names and its files', async () => {
  const other = await room.idle({ name: 'neighbour' });
  const owner = await room.listener(['tcp:80'], { name: 'owner', hostname: 'house' });
  const guest = await room.idle({ name: 'guest', network: { mode: 'container:owner' } });
  const [first, second] = [await room.daemon.hostPid(owner.id), await room.daemon.hostPid(guest.id)];
  assert.equal(readlinkSync(`/proc/${second}/ns/net`), readlinkSync(`/proc/${first}/ns/net`));
  assert.equal(await guest.place.ask('tcp', '127.0.0.1', 80), '127.0.0.1 127.0.0.1');
  assert.equal(await other.place.ask('tcp', owner.v4, 80), `${other.v4} ${owner.v4}`);
  for (const file of ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf']) {
    const [of, as] = [await owner.place.run('cat', file), await guest.place.run('cat', file)];
    assert.equal(as.stdout, of.stdout, file);
    assert.notEqual(of.stdout, '', file);
  }
  await room.remove(guest, owner);
  const late = await room.daemon.create(['true'], { network: { mode: 'container:neighbour' } });
  await room.remove(other);
  const { status, body } = await room.daemon.client.send<{ detail: string }>('POST', `/v1/containers/${late}/start`);
  assert.ok(status >= 400 && status < 500, String(status));
  assert.match(body.detail, new RegExp(other.id));
  await room.remove(late);
});

test('mode ns:PATH joins a namespace that somebody else made', async () => {
  const keeper = await Keeper.open();
  const path = `/proc/${keeper.pid}/ns/net`;
  const { stdout, exit } = await room.daemon.runToEnd(['readlink', '/proc/self/ns/net'], {
    network: { mode: `ns:${path}` },
  });
  assert.deepEqual([exit.code, stdout.trim()], [0, readlinkSync(path)]);
  await keeper.close();
});

test('the MTU of a network is that of its interfaces', async () => {
  await room.network('narrow', { mtu: 1400 });
  const { stdout } = await room.daemon.runToEnd(['ip', 'link', 'show', 'eth0'], on('narrow'));
  assert.match(stdout, / mtu 1400 /);
});
