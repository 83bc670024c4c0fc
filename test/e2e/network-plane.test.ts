/** The data plane against the kernel, in a network of this test's own: bridges, endpoints, and what they need. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { after, afterEach, test } from 'node:test';
import { isDeepStrictEqual, promisify } from 'node:util';
import { formatPrefix } from '../../daemon/network/address.ts';
import { ensureBridge, NotABridge, removeBridge } from '../../daemon/network/plane/bridge.ts';
import { detachEndpoint } from '../../daemon/network/plane/detach.ts';
import { attachEndpoint, attachEndpoints, EndpointError } from '../../daemon/network/plane/endpoint.ts';
import { hostPrefixes } from '../../daemon/network/plane/host-prefixes.ts';
import { needForwarding, readSetting, type SettingChange } from '../../daemon/network/plane/settings.ts';
import { watchLinks } from '../../daemon/network/plane/watch.ts';
import { Rtnetlink } from '../../daemon/network/rtnetlink/connection.ts';
import { deleteLink, listLinks } from '../../daemon/network/rtnetlink/links.ts';
import type { EndpointShape, NetworkShape } from '../../daemon/network/types.ts';
import { inNetworkNamespace } from '../../native-bindings/netlink.ts';
import { leaveNetwork, newNetwork } from '../harness/net-namespace.ts';
import { until } from '../harness/until.ts';

leaveNetwork();
const host = Rtnetlink.open();
const namespaces: number[] = [];
/** Of the kernel's own: "lo", and where it has tunnels one of each. */
const given = new Set(listLinks(host).map(({ name }) => name));
after(() => host.close());
afterEach(async () => {
  for (const namespace of namespaces.splice(0)) closeSync(namespace);
  await until('the namespaces are gone', () => !names().some((name) => name.startsWith('tv')));
  // One of a pair takes the other with it.
  for (const name of names()) if (!given.has(name) && names().includes(name)) host.batch([deleteLink({ name })]);
});

type Json = Record<string, unknown>;
const ip = (...words: string[]): Json[] =>
  JSON.parse(execFileSync('ip', ['-d', '-j', ...words], { encoding: 'utf8' }) || '[]') as Json[];
const names = (): string[] => listLinks(host).map(({ name }) => name);

function network(number: number, more: Partial<NetworkShape> = {}): NetworkShape {
  return {
    id: String(number).repeat(64),
    bridge: `tare-ab12-${number}`,
    mtu: 1500,
    internal: false,
    interContainer: true,
    subnets: [
      { family: 4, subnet: `10.${number}.0.0/16`, gateway: `10.${number}.0.1`, range: undefined },
      { family: 6, subnet: `fd00:${number}::/64`, gateway: `fd00:${number}::1`, range: undefined },
    ],
    ...more,
  };
}

function endpoint(of: NetworkShape, number: number, more: Partial<EndpointShape> = {}): EndpointShape {
  const [net] = /\d+$/.exec(of.bridge) ?? [];
  return {
    hostInterface: `tvab12${net ?? ''}${number}`,
    bridge: of.bridge,
    mtu: of.mtu,
    interface: 'eth0',
    mac: `02:42:0a:0${net ?? ''}:00:0${number}`,
    addresses: [`10.${net ?? ''}.0.${number}/16`, `fd00:${net ?? ''}::${number}/64`],
    gateways: of.subnets.map(({ gateway }) => gateway),
    ...more,
  };
}

function container(): number {
  const namespace = newNetwork();
  namespaces.push(namespace);
  return namespace;
}

const addressesOf = (name: string): string[] =>
  (ip('address', 'show', name)[0]?.addr_info as Json[])
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => `${String(local)}/${String(prefixlen)}`);

/** Names of endpoints. */
const endsIn = (namespace: number): string[] =>
  inNetworkNamespace(namespace, () => ip('link').map(({ ifname }) => String(ifname))).filter((name) =>
    name.startsWith('eth'),
  );

const execInside = (namespace: number, script: string): string =>
  inNetworkNamespace(namespace, () => execFileSync('bash', ['-c', script], { encoding: 'utf8' }));

/** What a program in `from` is told by one that listens in `to`. */
async function greeting(from: number, to: number, address: string): Promise<string> {
  const server = createServer((connection) => connection.end(`${String(connection.remoteAddress)}\n`));
  inNetworkNamespace(to, () => server.listen(0));
  const { port } = server.address() as AddressInfo;
  const words = ['-c', `exec 3<>/dev/tcp/${address}/${port}; head -n 1 <&3`];
  try {
    const { stdout } = await inNetworkNamespace(from, () => promisify(execFile)('bash', words));
    return stdout.trim();
  } finally {
    server.close();
  }
}

test('a bridge: made, left alone where it is right, put right where it is not, removed', () => {
  const shape = network(1);
  ensureBridge(host, shape);
  const [made] = ip('link', 'show', shape.bridge);
  assert.equal(made?.address, '02:42:0a:01:00:01');
  assert.ok((made.flags as string[]).includes('UP'));
  assert.deepEqual(addressesOf(shape.bridge), ['10.1.0.1/16', 'fd00:1::1/64']);
  ensureBridge(host, shape);
  assert.deepEqual(ip('link', 'show', shape.bridge)[0]?.ifindex, made.ifindex);
  assert.deepEqual(addressesOf(shape.bridge), ['10.1.0.1/16', 'fd00:1::1/64']);
  execFileSync('ip', ['address', 'add', '10.77.0.1/16', 'dev', shape.bridge]);
  execFileSync('ip', ['address', 'delete', 'fd00:1::1/64', 'dev', shape.bridge]);
  execFileSync('ip', ['link', 'set', shape.bridge, 'down']);
  ensureBridge(host, { ...shape, mtu: 1400 });
  assert.deepEqual(addressesOf(shape.bridge), ['10.1.0.1/16', 'fd00:1::1/64']);
  const [again] = ip('link', 'show', shape.bridge);
  assert.deepEqual([again?.mtu, (again?.flags as string[]).includes('UP')], [1400, true]);
  for (const [family, key, value] of [
    ['ipv6', 'accept_ra', '0'],
    ['ipv4', 'route_localnet', '1'],
  ] as const)
    assert.equal(readSetting(family, 'conf', shape.bridge, key), value);
  removeBridge(host, shape.bridge);
  removeBridge(host, shape.bridge);
  assert.ok(!names().includes(shape.bridge));
});

test('its gateways can be bound at once, while nobody is on it', async () => {
  ensureBridge(host, network(1));
  for (const [type, address] of [
    ['udp4', '10.1.0.1'],
    ['udp6', 'fd00:1::1'],
  ] as const) {
    const socket = createSocket(type);
    socket.bind(0, address);
    await once(socket, 'listening');
    socket.close();
  }
});

test('an interface of that name that is no bridge is told of and stays', () => {
  execFileSync('ip', ['link', 'add', 'tare-ab12-1', 'type', 'veth', 'peer', 'name', 'far']);
  const is = { name: 'NotABridge', message: "the host's interface tare-ab12-1 is not a bridge" };
  assert.throws(() => ensureBridge(host, network(1)), is);
  assert.throws(() => removeBridge(host, 'tare-ab12-1'), NotABridge);
  assert.ok(names().includes('tare-ab12-1'));
});

test('two containers of a network, and the host, reach each other over both families', async () => {
  const shape = network(1);
  ensureBridge(host, shape);
  const [one, two] = [container(), container()];
  attachEndpoint(host, one, endpoint(shape, 2));
  attachEndpoint(host, two, endpoint(shape, 3));
  assert.equal(await greeting(one, two, '10.1.0.3'), '::ffff:10.1.0.2');
  assert.equal(await greeting(two, one, 'fd00:1::2'), 'fd00:1::3');
  inNetworkNamespace(one, () => {
    const [eth0] = ip('link', 'show', 'eth0');
    assert.deepEqual([eth0?.address, eth0?.mtu, eth0?.num_tx_queues], ['02:42:0a:01:00:02', 1500, 1]);
    assert.deepEqual(
      ip('route', 'show', 'default').map(({ gateway }) => gateway),
      ['10.1.0.1'],
    );
    assert.deepEqual(
      ip('-6', 'route', 'show', 'default').map(({ gateway }) => gateway),
      ['fd00:1::1'],
    );
  });
  const ports = ip('link', 'show', 'master', shape.bridge).map(
    ({ linkinfo }) => (linkinfo as Json).info_slave_data as Json,
  );
  assert.deepEqual(
    ports.map(({ hairpin, isolated }) => [hairpin, isolated]),
    [
      [true, false],
      [true, false],
    ],
  );
  // The gateway's hardware address is the same whoever comes and goes.
  assert.equal(ip('link', 'show', shape.bridge)[0]?.address, '02:42:0a:01:00:01');
});

test('isolated endpoints reach the gateway and not each other', async () => {
  const shape = network(1, { interContainer: false });
  ensureBridge(host, shape);
  const [one, two] = [container(), container()];
  attachEndpoint(host, one, endpoint(shape, 2, { isolated: true }));
  attachEndpoint(host, two, endpoint(shape, 3, { isolated: true }));
  const server = createServer((connection) => connection.end('host\n')).listen(0);
  const { port } = server.address() as AddressInfo;
  const ask = ['-c', `exec 3<>/dev/tcp/10.1.0.1/${port}; head -n 1 <&3`];
  const { stdout } = await inNetworkNamespace(one, () => promisify(execFile)('bash', ask));
  assert.equal(stdout, 'host\n');
  server.close();
  execInside(one, 'echo x > /dev/udp/10.1.0.3/9');
  const seen = (): Json[] => inNetworkNamespace(one, () => ip('neigh', 'show', '10.1.0.3'));
  await until('nobody has said who has the address', () => isDeepStrictEqual(seen()[0]?.state, ['FAILED']));
});

test('several endpoints in one go; where one is refused, none is left', () => {
  const [first, second] = [network(1), network(2)];
  ensureBridge(host, first);
  ensureBridge(host, second);
  const namespace = container();
  const one = endpoint(first, 2);
  const two = endpoint(second, 2, { interface: 'eth1', gateways: [] });
  const before = names().length;
  for (const wrong of [
    { addresses: ['10.1.0.2/16', '10.1.0.2/16'] },
    { interface: 'eth0' },
    { gateways: ['10.99.0.1'] },
  ]) {
    assert.throws(() => attachEndpoints(host, namespace, [one, { ...two, ...wrong }]), { name: 'NetlinkError' });
    assert.equal(names().length, before);
    assert.deepEqual(endsIn(namespace), []);
  }
  assert.throws(() => attachEndpoints(host, namespace, [one, { ...two, bridge: 'absent' }]), EndpointError);
  attachEndpoints(host, namespace, [one, two]);
  assert.equal(names().length, before + 2);
});

test('the name of a veth of somebody else is refused, and it stays', () => {
  const shape = network(1);
  ensureBridge(host, shape);
  execFileSync('ip', ['link', 'add', 'tvab1212', 'type', 'veth', 'peer', 'name', 'far']);
  assert.throws(() => attachEndpoint(host, container(), endpoint(shape, 2)), { code: 'EEXIST' });
  assert.ok(names().includes('tvab1212'));
  execFileSync('ip', ['link', 'delete', 'far']);
});

test('the end of a namespace and a detached endpoint are told of', async () => {
  const shape = network(1);
  ensureBridge(host, shape);
  const gone: string[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object) => assert.fail(JSON.stringify(fields)),
  };
  const watch = watchLinks({ removed: (name) => gone.push(name), lost: () => assert.fail('lost') }, log);
  try {
    const [stays, ends] = [container(), newNetwork()];
    attachEndpoint(host, stays, endpoint(shape, 2));
    attachEndpoint(host, ends, endpoint(shape, 3));
    closeSync(ends);
    await until('the end of the namespace is told', () => gone.includes('tvab1213'));
    await detachEndpoint('tvab1212');
    await detachEndpoint('tvab1212');
    await until('the detached endpoint is told', () => gone.includes('tvab1212'));
    assert.deepEqual(gone, ['tvab1213', 'tvab1212']);
    assert.deepEqual(endsIn(stays), []);
  } finally {
    watch.close();
  }
});

test('what the host has and reaches', () => {
  execFileSync('ip', ['link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far']);
  for (const name of ['near', 'far', 'lo']) execFileSync('ip', ['link', 'set', name, 'up']);
  execFileSync('ip', ['address', 'add', '10.5.0.2/16', 'dev', 'near']);
  execFileSync('ip', ['address', 'add', 'fd00:5::2/64', 'dev', 'near', 'nodad']);
  for (const [family, to] of [
    ['-4', 'default'],
    ['-4', '192.168.7.0/24'],
    ['-6', 'fd00:77::/48'],
  ] as const)
    execFileSync('ip', [family, 'route', 'add', to, 'dev', 'near']);
  execFileSync('ip', ['route', 'add', '172.20.0.0/14', 'dev', 'near', 'table', '77']);
  const found = new Set(hostPrefixes(host).map(formatPrefix));
  assert.deepEqual([...found].toSorted(), [
    '10.5.0.0/16',
    '172.20.0.0/14',
    '192.168.7.0/24',
    'fd00:5::/64',
    'fd00:77::/48',
  ]);
});

test('forwarding is set where it is not, recorded, and advertisements of routers are heeded on', () => {
  const set = (path: string, value: string): void => writeFileSync(`/proc/sys/net/${path}`, value);
  execFileSync('ip', ['link', 'add', 'out.1', 'type', 'veth', 'peer', 'name', 'far']);
  set('ipv4/ip_forward', '0');
  set('ipv6/conf/all/forwarding', '0');
  set('ipv6/conf/default/accept_ra', '0');
  set('ipv6/conf/far/accept_ra', '0');
  set('ipv6/conf/out.1/accept_ra', '1');
  const changes: SettingChange[] = [];
  // Other interfaces are made with every namespace where the kernel has tunnels.
  const isOurs = ({ key }: SettingChange): boolean => !/^net\.ipv6\.conf\.(?!all|out|far|default)/.test(key);
  const need = (): void => needForwarding([4, 6], (change) => changes.push(change));
  need();
  const expected = [
    { key: 'net.ipv4.ip_forward', before: '0', now: '1' },
    { key: 'net.ipv6.conf.out/1.accept_ra', before: '1', now: '2' },
    { key: 'net.ipv6.conf.all.forwarding', before: '0', now: '1' },
  ];
  assert.deepEqual(changes.filter(isOurs), expected);
  assert.equal(readFileSync('/proc/sys/net/ipv6/conf/out.1/accept_ra', 'utf8').trim(), '2');
  assert.equal(readSetting('ipv6', 'conf', 'far', 'accept_ra'), '0');
  need();
  assert.deepEqual(changes.filter(isOurs), expected);
  assert.equal(readSetting('ipv6', 'conf', 'absent', 'accept_ra'), undefined);
});
