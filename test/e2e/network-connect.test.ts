/** What a container asks of a network: addresses, names, files; and networks that come and go while it runs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { NetworkRoom, type Networked } from '../harness/network.ts';
import { until } from '../harness/until.ts';

const SUBNETS = [
  { subnet: '10.77.0.0/24', gateway: '10.77.0.254', range: '10.77.0.128/25' },
  { subnet: 'fd77::/64', gateway: 'fd77::1' },
];

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  await room.network('plan', { subnets: SUBNETS });
  await room.network('side');
});
after(() => room.close());

const on = (request: Record<string, unknown>) => ({ network: { networks: [request] } });
const connect = (network: string, body: Record<string, unknown>) =>
  room.daemon.client.send<Problem>('POST', `/v1/networks/${network}/connect`, body);
const disconnect = (network: string, container: string) =>
  room.daemon.client.send<Problem>('POST', `/v1/networks/${network}/disconnect`, { container });
const endpointOf = (detail: Networked, network: string) =>
  detail.endpoints.find(({ networkName }) => networkName === network);

test('asked for by number: addresses, hardware address and interface are as they were asked for', async () => {
  const asked = { network: 'plan', ipv4: '10.77.0.5', ipv6: 'fd77::5', mac: '02:00:00:00:77:05', interface: 'net7' };
  const id = await room.daemon.create(['sleep', '1000000'], on(asked));
  const { place, v4, v6 } = await room.started(id);
  assert.deepEqual([v4, v6], ['10.77.0.5', 'fd77::5']);
  const shown = place.ip('-o', 'address', 'show', 'net7');
  assert.match(shown, /inet 10\.77\.0\.5\/24 /);
  assert.match(shown, /inet6 fd77::5\/64 scope global/);
  assert.match(place.ip('link', 'show', 'net7'), /link\/ether 02:00:00:00:77:05 /);
  assert.match(place.ip('route'), /default via 10\.77\.0\.254 dev net7/);
  assert.match(place.ip('-6', 'route'), /default via fd77::1 dev net7/);
  const detail = endpointOf(await room.inspect(id), 'plan');
  assert.deepEqual(
    [detail?.interface, detail?.mac, detail?.ipv4, detail?.ipv6, detail?.gateway4, detail?.gateway6],
    ['net7', '02:00:00:00:77:05', '10.77.0.5/24', 'fd77::5/64', '10.77.0.254', 'fd77::1'],
  );
  // It keeps them while it does not run, and has them again.
  await room.daemon.client.must('POST', `/v1/containers/${id}/stop`, { timeout: 0 });
  const other = await room.daemon.client.send<Problem>('POST', '/v1/containers', {
    rootfs: room.daemon.rootfs,
    command: ['true'],
    ...on({ network: 'plan', ipv4: '10.77.0.5' }),
  });
  assert.deepEqual([other.status, other.body.field], [409, 'network.networks[0].ipv4']);
  assert.equal((await room.started(id)).v4, '10.77.0.5');
  await room.remove(id);
  const heir = await room.idle(on({ network: 'plan', ipv4: '10.77.0.5' }));
  assert.equal(heir.v4, '10.77.0.5');
  await room.remove(heir);
});

test('addresses that nobody asked for come from the range, and the hardware address follows from them', async () => {
  const { id, v4, place } = await room.idle(on({ network: 'plan' }));
  const last = Number(/^10\.77\.0\.(\d+)$/.exec(v4)?.[1]);
  assert.ok(last >= 128 && last < 254, v4);
  const mac = `02:42:0a:4d:00:${last.toString(16)}`;
  assert.ok(place.ip('link', 'show', 'eth0').includes(mac), mac);
  await room.remove(id);
});

test('a running container is connected and disconnected, and names follow', async () => {
  const [walker, friend] = [
    await room.idle(on({ network: 'plan' })),
    await room.listener(['tcp:80'], {
      name: 'friend',
      ...on({ network: 'side' }),
    }),
  ];
  assert.match(await walker.place.ask('tcp', 'friend', 80), /^resolve /);
  const { status, body } = await connect('side', { container: walker.id, aliases: ['guest'] });
  assert.ok(status < 300, JSON.stringify(body));
  const side = endpointOf(await room.inspect(walker.id), 'side');
  assert.deepEqual([side?.interface, side?.aliases], ['eth1', ['guest']]);
  assert.equal(await walker.place.ask('tcp', 'friend', 80, { family: 4 }), `${side?.ipv4?.split('/')[0]} ${friend.v4}`);
  assert.equal(await walker.place.ask('tcp', 'friend', 80, { family: 6 }), `${side?.ipv6?.split('/')[0]} ${friend.v6}`);
  const looked = await friend.place.run('nslookup', 'guest');
  assert.ok(looked.stdout.includes(side?.ipv4?.split('/')[0] ?? '?'), looked.stdout);
  const twice = await connect('side', { container: walker.id });
  assert.equal(twice.status, 409, JSON.stringify(twice.body));
  assert.ok((await disconnect('side', walker.id)).status < 300);
  assert.doesNotMatch(walker.place.ip('link'), /eth1/);
  assert.match(await walker.place.ask('tcp', 'friend', 80), /^resolve /);
  assert.match(await walker.place.askInVain('tcp', friend.v4, 80), /^connect E/);
  assert.deepEqual((await room.inspect(walker.id)).networks, ['plan']);
  await room.remove(walker, friend);
});

test('the network that has the default route goes: the next one has it', async () => {
  const c = await room.idle({ network: { networks: [{ network: 'plan' }, { network: 'side' }] } });
  assert.match(c.place.ip('route'), /default via 10\.77\.0\.254 dev eth0/);
  assert.ok((await disconnect('plan', c.id)).status < 300);
  const side = endpointOf(await room.inspect(c.id), 'side');
  assert.ok(c.place.ip('route').includes(`default via ${side?.gateway4} dev eth1`), c.place.ip('route'));
  assert.ok(c.place.ip('-6', 'route').includes(`default via ${side?.gateway6} dev eth1`), c.place.ip('-6', 'route'));
  await room.remove(c);
});

test('a container that does not run is connected for its next start', async () => {
  const id = await room.daemon.create(['sleep', '1000000'], on({ network: 'plan' }));
  assert.ok((await connect('side', { container: id })).status < 300);
  const { place } = await room.started(id);
  assert.match(place.ip('-o', 'address', 'show', 'eth1'), /inet /);
  await room.remove(id);
});

test('a network shows who is on it, and a removed one is removed from the host', async () => {
  const c = await room.idle({ name: 'shown', ...on({ network: 'side' }) });
  const side = await room.daemon.client.must<{
    bridge: string;
    containers: Record<string, { name: string; ipv4: string }>;
  }>('GET', '/v1/networks/side');
  assert.deepEqual([side.containers[c.id]?.name, side.containers[c.id]?.ipv4.split('/')[0]], ['shown', c.v4]);
  assert.match(room.host.ip('link', 'show', side.bridge), /UP/);
  await room.remove(c);
  await room.network('passing');
  const passing = await room.idle(on({ network: 'passing' }));
  const { bridge } = await room.daemon.client.must<{ bridge: string }>('GET', '/v1/networks/passing');
  assert.match(room.host.ip('link'), new RegExp(` ${bridge}:`));
  await room.remove(passing);
  await room.daemon.client.must('DELETE', '/v1/networks/passing');
  await until('the bridge is gone', () => !room.host.ip('link').includes(` ${bridge}:`));
});

test('an address is not used again before its interface is gone, and then it is', async () => {
  const only = [{ subnet: '10.78.0.0/30', gateway: '10.78.0.1' }];
  await room.network('single', { subnets: only, ipv6: false });
  for (let i = 0; i < 5; i++) {
    const c = await until('its one address is free again', async () => {
      const id = await room.daemon.create(['sleep', '1000000'], on({ network: 'single' }));
      const { status } = await room.daemon.client.send('POST', `/v1/containers/${id}/start`);
      if (status < 300) return id;
      await room.remove(id);
      return false;
    });
    assert.equal((await room.inspect(c)).endpoints[0]?.ipv4, '10.78.0.2/30');
    await room.remove(c);
  }
});

test('hosts, hostname and resolv.conf are those that were asked for', async () => {
  const { id, place, v4 } = await room.idle({
    name: 'files',
    hostname: 'house',
    network: {
      networks: [{ network: 'plan' }],
      dns: { search: ['example.test'], options: ['ndots:2'] },
      hosts: [
        { name: 'db', address: '192.0.2.7' },
        { name: 'host.test', address: 'host-gateway' },
      ],
    },
  });
  const [hosts, name, resolve] = await Promise.all(
    ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'].map(async (file) => (await place.run('cat', file)).stdout),
  );
  assert.match(hosts ?? '', /^127\.0\.0\.1\s+localhost/m);
  assert.match(hosts ?? '', new RegExp(`^${v4}\\s+house\\b`, 'm'));
  assert.match(hosts ?? '', /^192\.0\.2\.7\s+db$/m);
  assert.match(hosts ?? '', /^10\.77\.0\.254\s+host\.test$/m);
  assert.equal(name, 'house\n');
  assert.match(resolve ?? '', /^nameserver 10\.77\.0\.254$/m);
  assert.match(resolve ?? '', /^nameserver fd77::1$/m);
  assert.match(resolve ?? '', /^search example\.test$/m);
  assert.match(resolve ?? '', /^options .*ndots:2/m);
  await room.remove(id);
});
