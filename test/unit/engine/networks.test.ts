/** The verbs of networks on a registry of their own and a host that the test scripts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Containers } from '../../../daemon/engine/containers.ts';
import { EventFeed, events } from '../../../daemon/engine/events.ts';
import { Journal } from '../../../daemon/engine/journal.ts';
import { giveBack, leasesOf, takeDynamic, takeStatic } from '../../../daemon/engine/networks/addresses.ts';
import { bridgePrefix, vethPrefix } from '../../../daemon/engine/networks/bridge-name.ts';
import type { NetworkContext } from '../../../daemon/engine/networks/context.ts';
import { createNetwork } from '../../../daemon/engine/networks/create.ts';
import { ensureDefaultNetwork } from '../../../daemon/engine/networks/default.ts';
import { inspectNetwork, listNetworks } from '../../../daemon/engine/networks/inspect.ts';
import { loadNetworks } from '../../../daemon/engine/networks/load.ts';
import { Networks } from '../../../daemon/engine/networks/networks.ts';
import { pruneNetworks, removeNetwork } from '../../../daemon/engine/networks/remove.ts';
import { checkStillFree } from '../../../daemon/engine/networks/subnets.ts';
import { parseCidr, type Prefix } from '../../../daemon/network/address.ts';
import { DEFAULT_POOLS } from '../../../daemon/network/ipam/pools.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import type { EventQuery } from '../../../shared/api/event.ts';
import type { NetworkCreateRequest } from '../../../shared/api/network.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import { containerRow, documents, identifier } from './rows.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const TAG = 'abcd';

let root: string;
let registry: Registry;
let networks: Networks;
let names: Map<string, string>;
/** What the host is said to have. */
let host: { prefixes: Prefix[]; interfaces: Set<string>; hasIpv6: boolean; forgotten: string[]; fails: boolean };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-networks-'));
  names = new Map();
  host = { prefixes: [], interfaces: new Set(['lo', 'eth0']), hasIpv6: true, forgotten: [], fails: false };
  boot();
});
afterEach(() => {
  registry.close();
  rmSync(root, { recursive: true, force: true });
});

function boot(): void {
  registry = Registry.open({ root, migrations: MIGRATIONS });
  networks = new Networks();
  loadNetworks(registry, networks);
}

function context(given: Partial<NetworkContext> = {}): NetworkContext {
  return {
    networks,
    registry,
    journal: new Journal(registry, () => undefined),
    places: { networkTag: TAG },
    addressPools: DEFAULT_POOLS,
    containers: { get: (id: string) => (names.has(id) ? { name: names.get(id) ?? '' } : undefined) },
    network: {
      prefixes: () => host.prefixes,
      hasInterface: (name) => host.interfaces.has(name),
      get hasIpv6() {
        return host.hasIpv6;
      },
      forget: async ({ bridge }) => {
        await Promise.resolve();
        if (host.fails) throw new Error('the kernel says no');
        host.forgotten.push(bridge);
      },
    },
    ...given,
  };
}

function prefix(text: string): Prefix {
  const parsed = parseCidr(text);
  assert.ok(parsed !== undefined);
  return parsed.prefix;
}

const create = (request: NetworkCreateRequest) => createNetwork(context(), request);

/** A container with a place in the network; its id. */
function place(network: string, name: string): string {
  const row = containerRow({ name });
  registry.containers.insert(row, documents);
  names.set(row.id, name);
  const nothing = { interface: null, mac: null, ipv4: null, ipv6: null };
  registry.endpoints.insert({ container: row.id, network, position: 0, aliases: [], ...nothing });
  return row.id;
}

const actions = (): string[] => registry.events.after(0, 100).map(({ action, name }) => `${action} ${name}`);

test('a network of few words has all it needs', () => {
  const { id, name, warnings } = create({ name: 'web' });
  assert.deepEqual([name, warnings], ['web', []]);
  const { createdAt, subnets, ...rest } = inspectNetwork(context(), 'web');
  assert.deepEqual(rest, {
    id,
    name: 'web',
    driver: 'bridge',
    bridge: 'tare-abcd-0',
    internal: false,
    interContainer: true,
    mtu: 1500,
    labels: {},
    containers: {},
  });
  assert.match(createdAt, /Z$/);
  const [four, six] = subnets;
  assert.deepEqual(four, { subnet: '172.16.0.0/20', gateway: '172.16.0.1' });
  assert.match(six?.subnet ?? '', /^fd[0-9a-f:]+::\/64$/);
  assert.equal(six?.gateway, six?.subnet.replace('/64', '1'));
  assert.deepEqual(actions(), ['network_create web']);
});

test('a network of many words is what they say, also after a restart', () => {
  const request: NetworkCreateRequest = {
    name: 'web',
    driver: 'bridge',
    subnets: [
      { subnet: 'fd00:1::/64', gateway: 'fd00:1::ff' },
      { subnet: '10.1.2.0/24', range: '10.1.2.128/25' },
    ],
    internal: true,
    interContainer: false,
    mtu: 9000,
    bridge: 'web0',
    labels: { a: 'b' },
  };
  const { id } = create(request);
  const before = inspectNetwork(context(), id.slice(0, 12));
  assert.deepEqual(before.subnets, [
    { subnet: '10.1.2.0/24', gateway: '10.1.2.1', range: '10.1.2.128/25' },
    { subnet: 'fd00:1::/64', gateway: 'fd00:1::ff' },
  ]);
  assert.deepEqual(
    [before.internal, before.interContainer, before.mtu, before.bridge, before.labels],
    [true, false, 9000, 'web0', { a: 'b' }],
  );
  registry.close();
  boot();
  assert.deepEqual(inspectNetwork(context(), 'web'), before);
});

test('one family alone', () => {
  create({ name: 'four', ipv6: false });
  create({ name: 'six', ipv4: false });
  const families = (ref: string) => inspectNetwork(context(), ref).subnets.map(({ subnet }) => subnet.includes(':'));
  assert.deepEqual([families('four'), families('six')], [[false], [true]]);
});

test('subnets of the pools avoid the host and one another', () => {
  host.prefixes = ['172.16.0.0/24', '172.16.40.1/32', 'fe80::/64'].map(prefix);
  create({ name: 'a' });
  create({ name: 'b', subnets: [{ subnet: '172.16.48.0/20' }] });
  create({ name: 'c' });
  const fours = listNetworks(context(), {}).map(({ subnets }) => subnets[0]?.subnet);
  assert.deepEqual(fours, ['172.16.16.0/20', '172.16.48.0/20', '172.16.64.0/20']);
  const sixes = listNetworks(context(), {}).map(({ subnets }) => subnets[1]?.subnet ?? '');
  assert.equal(new Set(sixes).size, 3);
  assert.equal(new Set(sixes.map((subnet) => subnet.split(':').slice(0, 3).join(':'))).size, 1);
});

test('the pools may be exhausted, and may be configured', () => {
  const addressPools = [
    { base: prefix('10.5.0.0/23'), length: 24 },
    { base: prefix('fd00:5::/63'), length: 64 },
  ];
  const make = (name: string, request: Partial<NetworkCreateRequest> = {}) =>
    createNetwork(context({ addressPools }), { name, ...request });
  make('a');
  make('b');
  assert.deepEqual(inspectNetwork(context(), 'b').subnets, [
    { subnet: '10.5.1.0/24', gateway: '10.5.1.1' },
    { subnet: 'fd00:5:0:1::/64', gateway: 'fd00:5:0:1::1' },
  ]);
  assert.throws(() => make('c'), { code: 'pool_exhausted' });
  assert.throws(() => make('c', { ipv4: false }), { code: 'pool_exhausted' });
  assert.equal(networks.size, 2);
  make('c', { ipv6: false, subnets: [{ subnet: '10.6.0.0/24' }] });
});

const REFUSED: readonly (readonly [words: Partial<NetworkCreateRequest>, code: string, field: string])[] = [
  [{ name: 'no/name' }, 'invalid_field', 'name'],
  [{ name: 'none' }, 'invalid_field', 'name'],
  [{ name: 'host' }, 'invalid_field', 'name'],
  [{ name: 'container' }, 'invalid_field', 'name'],
  [{ name: 'bridge' }, 'invalid_field', 'name'],
  [{ name: 'taken' }, 'name_taken', 'name'],
  [{ ipv4: false, ipv6: false }, 'invalid_field', 'ipv4'],
  [{ subnets: [{ subnet: '10.1.2.3/24' }] }, 'invalid_field', 'subnets[0].subnet'],
  [{ subnets: [{ subnet: '127.0.0.0/24' }] }, 'invalid_field', 'subnets[0].subnet'],
  [{ subnets: [{ subnet: '10.1.2.0/24', gateway: '10.1.3.1' }] }, 'invalid_field', 'subnets[0].gateway'],
  [{ subnets: [{ subnet: '10.1.2.0/24', range: '10.1.3.0/25' }] }, 'invalid_field', 'subnets[0].range'],
  [{ subnets: [{ subnet: '10.1.2.0/24' }, { subnet: '10.1.3.0/24' }] }, 'invalid_field', 'subnets[1].subnet'],
  [{ ipv4: false, subnets: [{ subnet: '10.1.2.0/24' }] }, 'invalid_field', 'subnets[0].subnet'],
  [{ ipv6: false, subnets: [{ subnet: 'fd00::/64' }] }, 'invalid_field', 'subnets[0].subnet'],
  [{ subnets: [{ subnet: 'fd00::/64' }, { subnet: '10.9.128.0/24' }] }, 'subnet_overlap', 'subnets[1].subnet'],
  [{ subnets: [{ subnet: '10.0.0.0/8' }] }, 'subnet_overlap', 'subnets[0].subnet'],
  [{ subnets: [{ subnet: '192.0.2.0/25' }] }, 'subnet_overlap', 'subnets[0].subnet'],
  [{ bridge: 'ünicödeünicöde' }, 'invalid_field', 'bridge'],
  [{ bridge: 'all' }, 'invalid_field', 'bridge'],
  [{ bridge: `${vethPrefix(TAG)}0` }, 'invalid_field', 'bridge'],
  [{ bridge: 'eth0' }, 'name_taken', 'bridge'],
  [{ bridge: 'tare-abcd-0' }, 'name_taken', 'bridge'],
];

for (const [words, code, field] of REFUSED) {
  test(`refused: ${JSON.stringify(words)}`, () => {
    host.prefixes = [prefix('192.0.2.0/24')];
    create({ name: 'taken', subnets: [{ subnet: '10.9.0.0/16' }] });
    assert.throws(() => create({ name: 'new', ...words }), { name: 'EngineError', code, field });
    assert.deepEqual([networks.size, registry.networks.all().length], [1, 1]);
    assert.deepEqual(actions(), ['network_create taken']);
  });
}

test('an overlap says whose it is', () => {
  host.prefixes = [prefix('192.0.2.0/24')];
  create({ name: 'taken', subnets: [{ subnet: '10.9.0.0/16' }] });
  assert.throws(
    () => create({ name: 'new', subnets: [{ subnet: '10.9.8.0/24' }] }),
    /10\.9\.0\.0\/16 of network taken/,
  );
  assert.throws(() => create({ name: 'new', subnets: [{ subnet: '192.0.2.0/26' }] }), /192\.0\.2\.0\/24.*the host/);
});

test('without IPv6 in the kernel: left out with a warning, and refused where it is asked for', () => {
  host.hasIpv6 = false;
  const { warnings } = create({ name: 'web' });
  assert.match(warnings.join(), /no IPv6/);
  assert.equal(inspectNetwork(context(), 'web').subnets.length, 1);
  const refused = (request: Partial<NetworkCreateRequest>, field: string) => {
    assert.throws(() => create({ name: 'six', ...request }), { code: 'host_lacks_feature', field });
  };
  refused({ ipv6: true }, 'ipv6');
  refused({ ipv4: false }, 'ipv4');
  refused({ subnets: [{ subnet: '10.1.2.0/24' }, { subnet: 'fd00::/64' }] }, 'subnets[1].subnet');
  create({ name: 'four', ipv6: false });
});

test('bridges have the least number that nobody has', async () => {
  host.interfaces.add(`${bridgePrefix(TAG)}1`);
  const bridge = (name: string) => inspectNetwork(context(), create({ name }).id).bridge;
  assert.deepEqual(['a', 'b', 'c'].map(bridge), ['tare-abcd-0', 'tare-abcd-2', 'tare-abcd-3']);
  await removeNetwork(context(), 'b');
  assert.equal(bridge('d'), 'tare-abcd-2');
});

test('list: oldest first, by parts of names, beginnings of ids, and labels', () => {
  const ids = ['front', 'back', 'backup'].map((name) => create({ name, labels: { name, tier: name[0] ?? '' } }).id);
  const found = (query: Parameters<typeof listNetworks>[1]) => listNetworks(context(), query).map(({ name }) => name);
  assert.deepEqual(found({}), ['front', 'back', 'backup']);
  assert.deepEqual(found({ name: 'back' }), ['back', 'backup']);
  assert.deepEqual(found({ id: ids[1]?.slice(0, 20) ?? '' }), ['back']);
  assert.deepEqual(found({ label: ['tier=b', 'name'] }), ['back', 'backup']);
  assert.deepEqual(found({ label: ['tier=b', 'name=back'] }), ['back']);
});

test('inspect names the containers that run', () => {
  const { id } = create({ name: 'web', subnets: [{ subnet: '10.1.2.0/24' }], ipv6: false });
  const one = place(id, 'one');
  place(id, 'other');
  const live = { hostInterface: 'tvabcd00000001', interface: 'eth0', mac: '02:42:0a:01:02:05', isDefault: true };
  registry.endpoints.setLive(one, id, { ...live, ipv4: '10.1.2.5', ipv6: null });
  assert.deepEqual(inspectNetwork(context(), 'web').containers, {
    [one]: { name: 'one', mac: '02:42:0a:01:02:05', ipv4: '10.1.2.5/24' },
  });
});

test('remove: first what the host has, then the row', async () => {
  const { id } = create({ name: 'web' });
  await removeNetwork(context(), id);
  assert.deepEqual(host.forgotten, ['tare-abcd-0']);
  assert.deepEqual([networks.size, registry.networks.all().length], [0, 0]);
  assert.deepEqual(actions(), ['network_create web', 'network_destroy web']);
  await assert.rejects(removeNetwork(context(), 'web'), { code: 'network_not_found' });
  create({ name: 'web' });
});

test('one that goes is not found, and what it has is its own until it is gone', async () => {
  create({ name: 'web', subnets: [{ subnet: '10.1.2.0/24' }] });
  const going = removeNetwork(context(), 'web');
  assert.throws(() => networks.find('web'), { code: 'network_not_found' });
  assert.throws(() => create({ name: 'web' }), { code: 'name_taken' });
  assert.throws(() => create({ name: 'other', bridge: 'tare-abcd-0' }), { code: 'name_taken', field: 'bridge' });
  assert.throws(() => create({ name: 'other', subnets: [{ subnet: '10.1.2.0/25' }] }), { code: 'subnet_overlap' });
  await going;
  create({ name: 'web', subnets: [{ subnet: '10.1.2.0/25' }] });
});

test('one that the host does not let go of stays', async () => {
  const { id } = create({ name: 'web' });
  host.fails = true;
  await assert.rejects(removeNetwork(context(), 'web'), /the kernel says no/);
  assert.equal(networks.find('web').id, id);
  host.fails = false;
  await removeNetwork(context(), 'web');
});

test('one in use is refused, and its containers are named', async () => {
  const { id } = create({ name: 'web' });
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => place(id, name));
  await assert.rejects(removeNetwork(context(), 'web'), { code: 'network_in_use', message: /\band 2 more$/ });
  for (const one of ids.slice(1)) registry.containers.delete(one);
  await assert.rejects(removeNetwork(context(), 'web'), { message: 'network web is in use by a' });
  assert.deepEqual(host.forgotten, []);
});

test('the default network is made once, at first need, and stays', async () => {
  assert.throws(() => networks.find('bridge'), { code: 'network_not_found' });
  const network = ensureDefaultNetwork(context());
  assert.equal(ensureDefaultNetwork(context()), network);
  assert.equal(networks.find('bridge'), network);
  await assert.rejects(removeNetwork(context(), 'bridge'), { code: 'default_network' });
  assert.deepEqual(await pruneNetworks(context()), []);
});

test('prune takes those that nobody has a place in', async () => {
  ensureDefaultNetwork(context());
  place(create({ name: 'used' }).id, 'one');
  create({ name: 'a' });
  create({ name: 'b' });
  assert.deepEqual(await pruneNetworks(context()), ['a', 'b']);
  assert.deepEqual(
    listNetworks(context(), {}).map(({ name }) => name),
    ['bridge', 'used'],
  );
});

test('found by id, by name, by the beginning of an id', () => {
  const { id } = create({ name: 'web' });
  for (const ref of [id, 'web', id.slice(0, 1), id.slice(0, 40)]) assert.equal(networks.find(ref).id, id);
  // a name comes before the beginning of an id
  const other = create({ name: id.slice(0, 3) });
  assert.equal(networks.find(id.slice(0, 3)).id, other.id);
  for (let count = 0; count < 17; count++) create({ name: `n${count}`, ipv4: false });
  // of eighteen ids two begin with the same digit
  const digits = listNetworks(context(), {}).map((network) => network.id.charAt(0));
  const twice = digits.find((digit, index) => digits.indexOf(digit) !== index) ?? '';
  assert.throws(() => networks.find(twice, 'network'), { code: 'ambiguous_reference', field: 'network' });
  assert.throws(() => networks.find('nobody', 'networks[0].network'), {
    code: 'network_not_found',
    field: 'networks[0].network',
  });
});

test('addresses: asked for, else the next, the IPv6 one like the IPv4 one; given back, had again', () => {
  create({ name: 'web', subnets: [{ subnet: '10.1.0.0/16', range: '10.1.3.0/30' }, { subnet: 'fd00::/64' }] });
  const network = networks.find('web');
  assert.deepEqual(takeDynamic(network, { ipv4: null, ipv6: null }), { ipv4: '10.1.3.0', ipv6: 'fd00::300' });
  const kept = takeStatic(network, { ipv4: '10.1.3.1', ipv6: 'FD00::0302' }, 'network.networks[0]');
  assert.deepEqual(kept, { ipv4: '10.1.3.1', ipv6: 'fd00::302' });
  assert.deepEqual(takeDynamic(network, kept), kept);
  // its counterpart is taken
  assert.deepEqual(takeDynamic(network, { ipv4: null, ipv6: null }), { ipv4: '10.1.3.2', ipv6: 'fd00::2' });
  const half = takeStatic(network, { ipv6: 'fd00::ff' }, '');
  assert.deepEqual(takeDynamic(network, half), { ipv4: '10.1.3.3', ipv6: 'fd00::ff' });
  assert.throws(() => takeDynamic(network, { ipv4: null, ipv6: null }), { code: 'pool_exhausted' });
  assert.deepEqual(takeDynamic(network, { ipv4: '10.1.9.9', ipv6: null }), { ipv4: '10.1.9.9', ipv6: 'fd00::909' });
  const whose = { network: network.id, container: identifier(), hostInterface: null, isStatic: true };
  const rows = leasesOf({ ipv4: '10.1.3.2', ipv6: 'fd00::2' }, whose);
  assert.deepEqual(
    rows.map(({ family, address }) => [family, address]),
    [
      [4, '10.1.3.2'],
      [6, 'fd00::2'],
    ],
  );
  giveBack(networks, rows);
  giveBack(networks, [{ network: 'gone', family: 4, address: '10.1.3.2' }]);
  assert.deepEqual(takeDynamic(network, { ipv4: null, ipv6: null }), { ipv4: '10.1.3.2', ipv6: 'fd00::3' });
});

test('an address that cannot be had names its field, and what was taken with it is given back', () => {
  create({ name: 'web', subnets: [{ subnet: '10.1.2.0/24' }, { subnet: 'fd00::/64' }] });
  create({ name: 'four', ipv6: false });
  const network = networks.find('web');
  const refused = (asked: Parameters<typeof takeStatic>[1], code: string, field: string) => {
    assert.throws(() => takeStatic(network, asked, 'network.networks[1]'), { code, field });
  };
  takeStatic(network, { ipv4: '10.1.2.7' }, '');
  refused({ ipv4: '10.1.2.7' }, 'address_taken', 'network.networks[1].ipv4');
  refused({ ipv4: '10.1.2.1' }, 'invalid_field', 'network.networks[1].ipv4');
  refused({ ipv4: '10.1.3.7' }, 'invalid_field', 'network.networks[1].ipv4');
  refused({ ipv4: '10.1.2.255' }, 'invalid_field', 'network.networks[1].ipv4');
  refused({ ipv4: 'fd00::7' }, 'invalid_field', 'network.networks[1].ipv4');
  refused({ ipv4: '10.1.2' }, 'invalid_field', 'network.networks[1].ipv4');
  refused({ ipv4: '10.1.2.8', ipv6: 'fd00::1' }, 'invalid_field', 'network.networks[1].ipv6');
  assert.deepEqual(takeStatic(network, { ipv4: '10.1.2.8' }, ''), { ipv4: '10.1.2.8', ipv6: null });
  assert.throws(() => takeStatic(networks.find('four'), { ipv6: 'fd00::7' }, ''), {
    code: 'invalid_field',
    field: 'ipv6',
    message: /has no IPv6/,
  });
});

test('leases are there again after a restart', () => {
  const { id } = create({ name: 'web', subnets: [{ subnet: '10.1.2.0/29' }], ipv6: false });
  const whose = { network: id, container: identifier(), hostInterface: 'tvabcd00000001', isStatic: false };
  for (const row of leasesOf({ ipv4: '10.1.2.2', ipv6: null }, whose)) registry.leases.insert(row);
  registry.close();
  boot();
  assert.equal(takeDynamic(networks.find('web'), { ipv4: null, ipv6: null }).ipv4, '10.1.2.3');
  giveBack(networks, registry.leases.releaseInterface('tvabcd00000001'));
  assert.deepEqual(takeStatic(networks.find('web'), { ipv4: '10.1.2.2' }, '').ipv4, '10.1.2.2');
});

test('a network of no more than the registry can write is not there', () => {
  const full = context({
    journal: {
      commit: () => {
        throw new Error('full');
      },
    } as unknown as Journal,
  });
  assert.throws(() => createNetwork(full, { name: 'web', ipv6: false }), /full/);
  assert.equal(networks.size, 0);
});

test('the host may have got what a network has before its bridge is made', () => {
  create({ name: 'web', subnets: [{ subnet: '10.1.2.0/24' }, { subnet: 'fd00::/64' }] });
  const { row } = networks.find('web');
  const check = (...prefixes: string[]) => {
    checkStillFree(row, prefixes.map(prefix));
  };
  check('10.1.3.0/24', 'fd01::/64');
  assert.throws(
    () => {
      check('10.1.3.0/24', '10.0.0.0/8');
    },
    { code: 'subnet_overlap', message: /10\.1\.2\.0\/24 overlaps 10\.0\.0\.0\/8/ },
  );
  assert.throws(
    () => {
      check('fd00::9/128');
    },
    { code: 'subnet_overlap' },
  );
});

test('events are found by their network: of the network itself, and of containers that come and go', async () => {
  const { id } = create({ name: 'web' });
  create({ name: 'other' });
  const container = { id: identifier(), name: 'other', labels: { a: 'b' } };
  const { journal } = context();
  const network = networks.find('web').row;
  journal.commit(() => undefined, { action: 'create', container });
  journal.commit(() => undefined, { action: 'connect', container, network, detail: 'web' });
  await removeNetwork(context(), 'web');
  const told = async (query: Omit<EventQuery, 'since' | 'until'>) => {
    const parts = { feed: new EventFeed(), repository: registry.events, containers: new Containers() };
    const found: string[] = [];
    const whole = { ...query, since: '0', until: nowTimestamp() };
    for await (const event of events(parts, whole, new AbortController().signal)) {
      found.push(`${event.action} ${event.name}`);
    }
    return found;
  };
  const ofWeb = ['network_create web', 'connect other', 'network_destroy web'];
  assert.deepEqual(await told({ network: ['web'] }), ofWeb);
  assert.deepEqual(await told({ network: [id.slice(0, 12)] }), ofWeb);
  assert.deepEqual(await told({ network: ['other'] }), ['network_create other']);
  // a network is no container, though it be called as one
  assert.deepEqual(await told({ container: ['other'] }), ['create other', 'connect other']);
  assert.deepEqual(await told({ container: ['web'] }), []);
  assert.deepEqual(await told({ label: ['a=b'], network: ['web'] }), ['connect other']);
});
