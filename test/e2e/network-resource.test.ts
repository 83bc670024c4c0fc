/** Networks as a resource: made, listed, refused, in use, removed; in a network of this test's own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Event } from '../../shared/api/event.ts';
import type { NetworkDetail, NetworkSummary } from '../../shared/api/network.ts';
import type { Problem } from '../../shared/api/problem.ts';
import { HOST, NetworkRoom } from '../harness/network.ts';
import { until } from '../harness/until.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
});
after(async () => {
  await room.close();
});

const send = <T>(method: string, path: string, body?: unknown) => room.daemon.client.send<T>(method, path, body);
const must = <T>(method: string, path: string, body?: unknown) => room.daemon.client.must<T>(method, path, body);
const networks = () => must<NetworkSummary[]>('GET', '/v1/networks');
const inspect = (ref: string) => must<NetworkDetail>('GET', `/v1/networks/${ref}`);
const remove = async (...refs: string[]) => {
  for (const ref of refs) await must('DELETE', `/v1/networks/${ref}`);
};

/** Interfaces of the host whose names begin as those of our bridges do. */
function bridges(): string[] {
  const links = JSON.parse(room.host.ip('-j', 'link')) as { ifname: string }[];
  return links.map(({ ifname }) => ifname).filter((name) => name.startsWith('tare-'));
}

async function refused(method: string, path: string, body: unknown, expected: readonly unknown[]): Promise<Problem> {
  const answer = await send<Problem>(method, path, body);
  const { code, field, detail } = answer.body;
  assert.deepEqual([answer.status, code, field], expected, detail);
  return answer.body;
}

/** What was told since a moment, of networks. */
async function told(since: string): Promise<string[]> {
  const end = new Date(Date.now() + 1).toISOString();
  const text = await must<string>('GET', `/v1/events?since=${since}&until=${end}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event)
    .filter(({ network }) => network !== undefined)
    .map(({ action, name, network }) => `${action} ${name} ${network ?? ''}`);
}

test('a network is a row until a container of it runs, and leaves nothing', async () => {
  const since = new Date().toISOString();
  const before = bridges();
  const id = await room.network('web', { labels: { tier: 'front' }, mtu: 1400 });
  const { createdAt, subnets, ...rest } = await inspect('web');
  assert.match(rest.bridge, /^tare-[0-9a-f]{4}-[0-9]+$/);
  assert.deepEqual(rest, {
    id,
    name: 'web',
    driver: 'bridge',
    bridge: rest.bridge,
    internal: false,
    interContainer: true,
    mtu: 1400,
    labels: { tier: 'front' },
    containers: {},
  });
  assert.match(createdAt, /^20[0-9]{2}-.*Z$/);
  assert.deepEqual(
    subnets.map(({ subnet }) => subnet.split('/')[1]),
    ['20', '64'],
  );
  assert.deepEqual(await inspect(id.slice(0, 10)), await inspect(id));
  assert.deepEqual(bridges(), before);
  assert.deepEqual(
    (await must<NetworkSummary[]>('GET', '/v1/networks?label=tier=front&name=we')).map(({ name }) => name),
    ['web'],
  );
  await remove('web');
  await refused('GET', '/v1/networks/web', undefined, [404, 'network_not_found', undefined]);
  await refused('DELETE', '/v1/networks/web', undefined, [404, 'network_not_found', undefined]);
  assert.deepEqual(await told(since), [`network_create web ${id}`, `network_destroy web ${id}`]);
});

const V4 = (subnet: string, more: object = {}) => ({ name: 'new', subnets: [{ subnet, ...more }] });
const WRONG: readonly (readonly [body: unknown, status: number, code: string, field: string])[] = [
  [{}, 400, 'invalid_field', 'name'],
  [{ name: 'a/b' }, 400, 'invalid_field', 'name'],
  [{ name: 'none' }, 400, 'invalid_field', 'name'],
  [{ name: 'host' }, 400, 'invalid_field', 'name'],
  [{ name: 'bridge' }, 400, 'invalid_field', 'name'],
  [{ name: 'there' }, 409, 'name_taken', 'name'],
  [{ name: 'new', driver: 'overlay' }, 400, 'invalid_field', 'driver'],
  [{ name: 'new', gateway: '10.1.2.1' }, 400, 'unknown_property', 'gateway'],
  [{ name: 'new', ipv4: false, ipv6: false }, 400, 'invalid_field', 'ipv4'],
  [{ name: 'new', mtu: 1000 }, 400, 'invalid_field', 'mtu'],
  [{ name: 'new', bridge: 'sixteen-letters-' }, 400, 'invalid_field', 'bridge'],
  [{ name: 'new', bridge: 'a/b' }, 400, 'invalid_field', 'bridge'],
  [{ name: 'new', bridge: 'ünicödeünicöde' }, 400, 'invalid_field', 'bridge'],
  [{ name: 'new', bridge: 'up0' }, 409, 'name_taken', 'bridge'],
  [{ name: 'new', bridge: 'there0' }, 409, 'name_taken', 'bridge'],
  [V4('10.61.0.0/16'), 409, 'subnet_overlap', 'subnets[0].subnet'],
  [V4('10.61.0.0/25'), 409, 'subnet_overlap', 'subnets[0].subnet'],
  [V4('10.0.0.0/8'), 409, 'subnet_overlap', 'subnets[0].subnet'],
  [V4('fd61::/64'), 409, 'subnet_overlap', 'subnets[0].subnet'],
  // the host's own, of its interface and of its routes
  [V4(`${HOST.v4.replace(/\.[0-9]+$/, '')}.128/25`), 409, 'subnet_overlap', 'subnets[0].subnet'],
  [V4('192.0.2.0/28'), 409, 'subnet_overlap', 'subnets[0].subnet'],
  [V4('2001:db8:1::/80'), 409, 'subnet_overlap', 'subnets[0].subnet'],
  [V4('10.62.0.1/24'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('10.62.0.0/31'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('10.62.0.0/40'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('fd62::/127'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('127.0.0.0/8'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('224.0.0.0/24'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('169.254.0.0/24'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('fe80::/64'), 400, 'invalid_field', 'subnets[0].subnet'],
  [V4('10.62.0.0/24', { gateway: '10.63.0.1' }), 400, 'invalid_field', 'subnets[0].gateway'],
  [V4('10.62.0.0/24', { gateway: '10.62.0.255' }), 400, 'invalid_field', 'subnets[0].gateway'],
  [V4('10.62.0.0/24', { range: '10.63.0.0/25' }), 400, 'invalid_field', 'subnets[0].range'],
  [V4('10.62.0.0/24', { range: '10.62.0.0/16' }), 400, 'invalid_field', 'subnets[0].range'],
  [
    { name: 'new', subnets: [{ subnet: '10.62.0.0/24' }, { subnet: '10.63.0.0/24' }] },
    400,
    'invalid_field',
    'subnets[1].subnet',
  ],
  [{ ...V4('fd62::/64'), ipv6: false }, 400, 'invalid_field', 'subnets[0].subnet'],
];

test('what a network cannot be is refused by its field, and leaves nothing', async () => {
  room.host.ip('route', 'add', 'unreachable', '192.0.2.0/24');
  const subnets = [{ subnet: '10.61.0.0/24' }, { subnet: 'fd61::/64' }];
  await room.network('there', { bridge: 'there0', subnets });
  const before = await networks();
  for (const [body, ...expected] of WRONG) await refused('POST', '/v1/networks', body, expected);
  const overlap = await send<Problem>('POST', '/v1/networks', V4('10.61.0.128/25'));
  assert.match(overlap.body.detail, /10\.61\.0\.128\/25 overlaps 10\.61\.0\.0\/24 of network there/);
  assert.deepEqual(await networks(), before);
  await remove('there');
  room.host.ip('route', 'delete', 'unreachable', '192.0.2.0/24');
});

test('many made at once have a subnet and a bridge each, none of the host’s', async () => {
  const names = Array.from({ length: 24 }, (_, index) => `many-${index}`);
  room.host.ip('address', 'add', '172.16.77.1/32', 'dev', 'lo');
  await Promise.all(names.map((name) => room.network(name)));
  const made = (await networks()).filter(({ name }) => name.startsWith('many-'));
  const distinct = (values: (string | undefined)[]) => new Set(values).size;
  assert.equal(distinct(made.map(({ bridge }) => bridge)), 24);
  assert.equal(distinct(made.map(({ subnets }) => subnets[0]?.subnet)), 24);
  assert.equal(distinct(made.map(({ subnets }) => subnets[1]?.subnet)), 24);
  assert.ok(made.every(({ subnets }) => subnets[0]?.subnet !== '172.16.64.0/20'));
  const { removed } = await must<{ removed: string[] }>('POST', '/v1/networks/prune');
  assert.deepEqual(removed.sort(), [...names].sort());
  room.host.ip('address', 'delete', '172.16.77.1/32', 'dev', 'lo');
});

const asks = (network: string, more: object = {}) => ({ network: { networks: [{ network, ...more }] } });
const CREATE = '/v1/containers';
const container = (network: object) => ({ rootfs: room.daemon.rootfs, command: ['true'], ...network });

test('an address that cannot be had is refused by its field', async () => {
  await room.network('web', { subnets: [{ subnet: '10.61.0.0/24' }, { subnet: 'fd61::/64' }] });
  const id = await room.daemon.create(['true'], asks('web', { ipv4: '10.61.0.9', ipv6: 'fd61::9' }));
  const at = (name: string) => `network.networks[0].${name}`;
  for (const [more, ...expected] of [
    [{ ipv4: '10.61.0.9' }, 409, 'address_taken', at('ipv4')],
    [{ ipv4: '10.61.0.8', ipv6: 'FD61:0::0009' }, 409, 'address_taken', at('ipv6')],
    [{ ipv4: '10.61.0.1' }, 400, 'invalid_field', at('ipv4')],
    [{ ipv6: 'fd61::1' }, 400, 'invalid_field', at('ipv6')],
    [{ ipv4: '10.61.0.0' }, 400, 'invalid_field', at('ipv4')],
    [{ ipv4: '10.61.0.255' }, 400, 'invalid_field', at('ipv4')],
    [{ ipv4: '10.61.1.9' }, 400, 'invalid_field', at('ipv4')],
    [{ ipv4: '10.61.0.256' }, 400, 'invalid_field', at('ipv4')],
    [{ ipv4: 'fd61::7' }, 400, 'invalid_field', at('ipv4')],
  ] as const) {
    await refused('POST', CREATE, container(asks('web', more)), expected);
  }
  await refused('POST', CREATE, container(asks('nowhere')), [404, 'network_not_found', at('network')]);
  // what was refused has taken nothing, and what is removed has nothing
  const second = await room.daemon.create(['true'], asks('web', { ipv4: '10.61.0.8' }));
  await room.remove(id);
  const third = await room.daemon.create(['true'], asks('web', { ipv4: '10.61.0.9', ipv6: 'fd61::9' }));
  await room.remove(second, third);
  await remove('web');
});

test('a network in use is not removed, whether its containers run or not', async () => {
  await room.network('web');
  const id = await room.daemon.create(['true'], { name: 'user-of-web', ...asks('web') });
  const { detail } = await refused('DELETE', '/v1/networks/web', undefined, [409, 'network_in_use', undefined]);
  assert.match(detail, /network web is in use by user-of-web/);
  assert.deepEqual((await must<{ removed: string[] }>('POST', '/v1/networks/prune')).removed, []);
  await must('POST', '/v1/networks/web/disconnect', { container: id });
  await remove('web');
  await room.remove(id);
});

test('connecting: what cannot be', async () => {
  await room.network('web', { subnets: [{ subnet: '10.61.0.0/24' }] });
  const connect = (body: object, expected: readonly unknown[], network = 'web') =>
    refused('POST', `/v1/networks/${network}/connect`, body, expected);
  const on = await room.daemon.create(['true'], asks('web'));
  const none = await room.daemon.create(['true'], { network: { mode: 'none' } });
  const host = await room.daemon.create(['true'], { network: { mode: 'host' } });
  await connect({ container: on }, [409, 'already_connected', 'container']);
  await connect({ container: none }, [422, 'no_network_of_its_own', 'container']);
  await connect({ container: host }, [422, 'no_network_of_its_own', 'container']);
  await connect({ container: 'nobody' }, [404, 'container_not_found', 'container']);
  for (const network of ['none', 'host', 'nowhere']) {
    await connect({ container: on }, [404, 'network_not_found', undefined], network);
  }
  await refused('POST', '/v1/networks/web/disconnect', { container: none }, [409, 'not_connected', 'container']);
  await room.remove(on, none, host);
  await remove('web');
});

test('the default network comes with its first container, and stays', async () => {
  await refused('GET', '/v1/networks/bridge', undefined, [404, 'network_not_found', undefined]);
  const id = await room.daemon.create(['true']);
  assert.equal((await inspect('bridge')).name, 'bridge');
  await room.remove(id);
  await refused('DELETE', '/v1/networks/bridge', undefined, [409, 'default_network', undefined]);
  assert.deepEqual((await must<{ removed: string[] }>('POST', '/v1/networks/prune')).removed, []);
  assert.equal((await inspect('bridge')).name, 'bridge');
});

test('the bridge is there from the first start on, and goes with the network', async () => {
  await room.network('web', {
    bridge: 'web0',
    mtu: 1400,
    subnets: [{ subnet: '10.61.0.0/24' }, { subnet: 'fd61::/64' }],
  });
  const has = () => room.host.ip('-j', 'link').includes('"web0"');
  const id = await room.daemon.create(['sleep', '1000000'], { name: 'runs', ...asks('web', { ipv4: '10.61.0.77' }) });
  assert.ok(!has());
  await must('POST', `/v1/containers/${id}/start`);
  const [link] = JSON.parse(room.host.ip('-j', 'address', 'show', 'web0')) as {
    mtu: number;
    addr_info: { local: string; prefixlen: number }[];
  }[];
  const addresses = link?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`) ?? [];
  assert.equal(link?.mtu, 1400);
  for (const address of ['10.61.0.1/24', 'fd61::1/64']) assert.ok(addresses.includes(address), addresses.join());
  assert.deepEqual((await inspect('web')).containers, {
    [id]: { name: 'runs', mac: '02:42:0a:3d:00:4d', ipv4: '10.61.0.77/24', ipv6: 'fd61::4d/64' },
  });
  await refused('DELETE', '/v1/networks/web', undefined, [409, 'network_in_use', undefined]);
  await room.remove(id);
  assert.deepEqual((await inspect('web')).containers, {});
  await remove('web');
  assert.ok(!has());
});

test('addresses that nobody asked for: each container another, and all of them had again', async () => {
  // six addresses but the gateway's
  await room.network('small', { ipv6: false, subnets: [{ subnet: '10.61.0.0/29' }] });
  const start = async (id: string) => {
    await must('POST', `/v1/containers/${id}/start`);
    return (await room.inspect(id)).endpoints[0]?.ipv4;
  };
  const create = (command: string[]) => room.daemon.create(command, asks('small'));
  const running = await Promise.all(Array.from({ length: 5 }, () => create(['sleep', '1000000'])));
  const had = await Promise.all(running.map(start));
  assert.deepEqual(
    had.toSorted(),
    [2, 3, 4, 5, 6].map((last) => `10.61.0.${last}/29`),
  );
  const sixth = await create(['sleep', '1000000']);
  await refused('POST', `/v1/containers/${sixth}/start`, undefined, [503, 'pool_exhausted', undefined]);
  const [first] = running;
  assert.ok(first !== undefined);
  await room.remove(first);
  // the address is free once the kernel has taken the veth away
  await until('an address is free', async () => (await send('POST', `/v1/containers/${sixth}/start`)).status === 204);
  assert.equal((await room.inspect(sixth)).endpoints[0]?.ipv4, had[0]);
  await room.remove(sixth, ...running.slice(1));
  await remove('small');
});

test('kill -9: networks, their containers and their addresses are what they were', async () => {
  await room.network('web', { internal: true, labels: { a: 'b' } });
  const [one, two] = [await room.idle(asks('web')), await room.daemon.create(['true'], asks('web'))];
  const before = [await networks(), await inspect('web'), await room.inspect(one.id)];
  const addresses = JSON.stringify((await inspect('web')).containers);
  assert.match(addresses, new RegExp(one.v4.replaceAll('.', '\\.')));
  await room.daemon.end('SIGKILL');
  await room.daemon.start();
  assert.deepEqual([await networks(), await inspect('web'), await room.inspect(one.id)], before);
  await refused('POST', CREATE, container(asks('web', { ipv4: one.v4 })), [
    409,
    'address_taken',
    'network.networks[0].ipv4',
  ]);
  await refused('DELETE', '/v1/networks/web', undefined, [409, 'network_in_use', undefined]);
  await room.remove(one, two);
  await remove('web');
});
