/** rtnetlink against the kernel, with `ip -j` as a second opinion, in a network of this test's own. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseAddress, parseCidr, formatAddress, formatPrefix } from '../../daemon/network/address.ts';
import { cidrOf, globalAddress, IFA, listAllAddresses, newAddress } from '../../daemon/network/rtnetlink/addresses.ts';
import { NetlinkError, Rtnetlink } from '../../daemon/network/rtnetlink/connection.ts';
import { AF_INET, AF_INET6 } from '../../daemon/network/rtnetlink/families.ts';
import { changeLink, deleteLink, findLink, newLink } from '../../daemon/network/rtnetlink/links.ts';
import { decodeMessages } from '../../daemon/network/rtnetlink/messages.ts';
import { decodeEvent, monitorNetwork, type NetworkEvent } from '../../daemon/network/rtnetlink/monitor.ts';
import {
  deleteNeighbour,
  listForwarding,
  listNeighbours,
  NEIGHBOUR_STATE,
  setNeighbour,
} from '../../daemon/network/rtnetlink/neighbours.ts';
import {
  anywhere,
  deleteRoute,
  listRoutes,
  newRoute,
  replaceRoute,
  ROUTE_SCOPE,
  ROUTE_TYPE,
  routeTo,
  TABLE,
} from '../../daemon/network/rtnetlink/routes.ts';
import { deleteRule, listRules, newRule, RULE_ACTION, RULE_FLAG } from '../../daemon/network/rtnetlink/rules.ts';
import { monitorNetlink } from '../../native-bindings/netlink-monitor.ts';
import { NETLINK_ROUTE } from '../../native-bindings/netlink.ts';
import { until } from '../harness/until.ts';
import { agree, ip, RtnetlinkLab, type Json } from '../harness/rtnetlink-lab.ts';

const lab = RtnetlinkLab.open();
const { kernel } = lab;
const makeBelow = (): number => lab.makeBelow();
const indexOf = (name: string): number => lab.indexOf(name);
const nameOf = (index: number | undefined): string | undefined => lab.nameOf(index);
after(() => lab.close());
beforeEach(() => lab.clear());

test('addresses of both families', async () => {
  const link = makeBelow();
  kernel.batch(
    ['10.1.2.3/24', '10.1.2.4/24', '10.9.9.9/32', 'fd00:1::3/64'].map((cidr) => newAddress(globalAddress(link, cidr))),
  );
  const theirs = (): unknown[] =>
    ip('address').flatMap(({ ifindex, addr_info: list }) =>
      (list as Json[]).map(({ local, prefixlen, broadcast = '' }) => [
        ifindex,
        `${String(local)}/${String(prefixlen)}`,
        broadcast,
      ]),
    );
  const ours = (): unknown[][] =>
    listAllAddresses(kernel).map((address) => {
      const broadcast = address.attributes.find(({ type }) => type === IFA.broadcast)?.value ?? [];
      return [address.link, cidrOf(address), [...broadcast].join('.')];
    });
  await agree(ours, theirs);
  assert.ok(ours().some((entry) => isDeepStrictEqual(entry, [link, '10.1.2.3/24', '10.1.2.255'])));
});

/** A route in the words of `ip`. */
const dottedOf = (prefix: { length: number; family: 4 | 6 }, text: string): string => {
  if (prefix.length === 0) return 'default';
  return prefix.length === (prefix.family === 4 ? 32 : 128) ? text.slice(0, text.indexOf('/')) : text;
};

/** Of all tables. */
function routesAgree(family: 4 | 6): Promise<void> {
  const ours = (): unknown[] =>
    listRoutes(kernel, family).map(({ destination, table, protocol, scope, type, settings }) => ({
      dst: dottedOf(destination, formatPrefix(destination)),
      table: String(table),
      protocol: String(protocol),
      ...(family === 4 && { scope: String(scope) }),
      type: String(type),
      gateway: settings.gateway && formatAddress(settings.gateway),
      dev: nameOf(settings.outLink),
      metric: settings.priority ?? 0,
      mtu: settings.metrics?.mtu,
      hops: settings.nextHops?.map(({ link, weight }) => [nameOf(link), weight]),
      source: settings.preferredSource && formatAddress(settings.preferredSource),
    }));
  // -N: numbers for names; what is usual it leaves out.
  const theirs = (): unknown[] =>
    ip(`-${family}`, 'route', 'show', 'table', 'all').map((route) => ({
      dst: route.dst,
      table: route.table === undefined ? String(TABLE.main) : route.table,
      protocol: route.protocol,
      ...(family === 4 && { scope: route.scope ?? '0' }),
      type: route.type ?? '1',
      gateway: route.gateway,
      dev: route.dev,
      metric: route.metric ?? 0,
      mtu: (route.metrics as Json[] | undefined)?.[0]?.mtu,
      hops: (route.nexthops as { dev: string; weight: number }[] | undefined)?.map(({ dev, weight }) => [dev, weight]),
      source: route.prefsrc,
    }));
  return agree(ours, theirs);
}

test('routes of both families: made, replaced, taken away', async () => {
  const link = makeBelow();
  kernel.batch([changeLink({ isUp: true, settings: { name: 'lo' } })]);
  kernel.batch(['10.1.0.2/16', 'fd00:1::2/64'].map((cidr) => newAddress(globalAddress(link, cidr))));
  const to = (cidr: string) => parseCidr(cidr)!.prefix;
  const gateway = parseAddress('10.1.0.1')!;
  const through = routeTo(to('10.8.0.0/16'), link, { gateway, priority: 5, metrics: { mtu: 1400 } });
  const several = {
    ...routeTo(to('10.12.0.0/16'), link),
    settings: {
      nextHops: [
        { link, weight: 3, flags: 0, gateway },
        { link, weight: 1, flags: 0, gateway: parseAddress('10.1.0.9')! },
      ],
    },
    scope: ROUTE_SCOPE.universe,
  };
  const none = {
    ...routeTo(to('10.13.0.0/16'), link),
    settings: {},
    type: ROUTE_TYPE.blackhole,
    scope: ROUTE_SCOPE.universe,
  };
  kernel.batch([
    newRoute(routeTo(anywhere(4), link, { gateway })),
    newRoute(routeTo(anywhere(6), link, { gateway: parseAddress('fd00:1::1')! })),
    newRoute(routeTo(to('fd00:9::/48'), link)),
    newRoute(routeTo(to('10.7.0.0/16'), link, { preferredSource: parseAddress('10.1.0.2')! })),
    newRoute(through),
    newRoute({ ...through, table: 1077 }),
    newRoute(several),
    newRoute(none),
  ]);
  await routesAgree(4);
  await routesAgree(6);
  assert.ok(listRoutes(kernel, 4).some(({ table }) => table === 1077));
  assert.throws(() => kernel.batch([newRoute(through)]), { name: 'NetlinkError', code: 'EEXIST' });
  kernel.batch([
    replaceRoute({ ...through, settings: { ...through.settings, metrics: { mtu: 1300 } } }),
    deleteRoute({ ...through, table: 1077 }),
    deleteRoute(none),
  ]);
  await routesAgree(4);
  const left = listRoutes(kernel, 4).filter(({ destination }) => formatPrefix(destination) === '10.8.0.0/16');
  assert.deepEqual(
    left.map(({ settings }) => settings.metrics?.mtu),
    [1300],
  );
});

test('neighbours of both families, and forwarding tables', () => {
  const link = makeBelow();
  const neighbour = (family: number, address: string, state: number) => ({
    family,
    link,
    state,
    flags: 0,
    type: ROUTE_TYPE.unicast,
    settings: { address: parseAddress(address)!, mac: '02:00:00:00:00:09' },
  });
  const six = neighbour(AF_INET6, 'fd00::9', NEIGHBOUR_STATE.permanent);
  kernel.batch([
    setNeighbour(neighbour(AF_INET, '10.1.0.9', NEIGHBOUR_STATE.permanent)),
    setNeighbour(six),
    setNeighbour(neighbour(AF_INET, '10.1.0.10', NEIGHBOUR_STATE.noArp)),
  ]);
  for (const family of [4, 6] as const) {
    const ours = listNeighbours(kernel, family)
      .filter(({ settings, state }) => settings.mac !== undefined && state === NEIGHBOUR_STATE.permanent)
      .map(({ settings, link: on }) => ({
        dst: formatAddress(settings.address!),
        dev: nameOf(on),
        lladdr: settings.mac,
      }));
    const theirs = ip(`-${family}`, 'neigh', 'show', 'nud', 'permanent').map(({ dst, dev, lladdr }) => ({
      dst,
      dev,
      lladdr,
    }));
    assert.deepEqual(ours, theirs);
    assert.equal(ours.length, 1);
  }
  kernel.batch([deleteNeighbour(six)]);
  assert.deepEqual(ip('-6', 'neigh', 'show', 'nud', 'permanent'), []);
  kernel.batch([
    newLink({ isUp: true, settings: { name: 'bridge', mac: '02:00:00:00:00:aa' }, info: { link: { kind: 'bridge' } } }),
  ]);
  kernel.batch([changeLink({ settings: { name: 'below', master: indexOf('bridge') } })]);
  const macs = listForwarding(kernel)
    .filter(({ link: on }) => on === link)
    .map(({ settings }) => settings.mac);
  assert.ok(macs.includes(findLink(kernel, 'below')?.settings.mac), macs.join());
});

test('rules of both families', () => {
  const to = (cidr: string) => parseCidr(cidr)!.prefix;
  const plain = { typeOfService: 0, table: 0, flags: 0 };
  const rules = [
    {
      ...plain,
      family: 4 as const,
      source: to('10.2.0.0/16'),
      destination: to('10.3.0.0/16'),
      table: 1077,
      action: RULE_ACTION.table,
      settings: {
        priority: 100,
        mark: 5,
        markMask: 0xff,
        inLink: 'absent',
        transport: 6,
        destinationPorts: { from: 80, to: 90 },
        protocol: 4,
      },
    },
    {
      ...plain,
      family: 6 as const,
      source: to('fd00::/8'),
      destination: anywhere(6),
      action: RULE_ACTION.unreachable,
      flags: RULE_FLAG.invert,
      settings: { priority: 70, protocol: 4 },
    },
  ];
  kernel.batch(rules.map(newRule));
  for (const family of [4, 6] as const) {
    const ours = listRules(kernel, family).map(({ settings, table, source, destination, flags }) => ({
      priority: settings.priority ?? 0,
      table: table === 0 ? undefined : String(table),
      src: source.length === 0 ? 'all' : formatAddress(source),
      dst: destination.length === 0 ? undefined : formatAddress(destination),
      isInverted: (flags & RULE_FLAG.invert) !== 0,
      mark: settings.mark === undefined ? undefined : `0x${settings.mark.toString(16)}`,
      iif: settings.inLink,
      to: settings.destinationPorts?.to,
    }));
    const theirs = ip(`-${family}`, 'rule').map((rule) => ({
      priority: rule.priority,
      table: rule.table,
      src: rule.src,
      dst: rule.dst,
      isInverted: 'not' in rule,
      mark: rule.fwmark,
      iif: rule.iif,
      to: rule.dport_end,
    }));
    assert.deepEqual(ours, theirs);
  }
  kernel.batch(rules.map(deleteRule));
  assert.ok(!listRules(kernel, 4).some(({ settings }) => settings.priority === 100));
});

test('a batch names the request that was refused, in the words of the kernel', () => {
  const link = makeBelow();
  const route = routeTo(parseCidr('10.8.0.0/16')!.prefix, link, { gateway: parseAddress('10.99.0.1')! });
  assert.throws(
    () =>
      kernel.batch([
        newAddress(globalAddress(link, '10.1.0.1/16')),
        newRoute(route),
        newAddress(globalAddress(link, '10.2.0.1/16')),
      ]),
    (error) => {
      assert.ok(error instanceof NetlinkError);
      assert.deepEqual([error.index, error.code, error.words], [1, 'ENETUNREACH', 'Nexthop has invalid gateway']);
      assert.equal(error.message, 'add the route to 10.8.0.0/16: ENETUNREACH (Nexthop has invalid gateway)');
      return true;
    },
  );
  // The others were done, and the connection goes on.
  assert.deepEqual(
    listAllAddresses(kernel)
      .filter((address) => address.link === link && address.family === AF_INET)
      .map(cidrOf),
    ['10.1.0.1/16', '10.2.0.1/16'],
  );
});

test('on a thread: the same answers, and the event loop goes on', async () => {
  makeBelow();
  const own = Rtnetlink.open();
  try {
    await own.batchOnThread([deleteLink({ name: 'below' })]);
    assert.equal(findLink(kernel, 'below-far'), undefined);
    await assert.rejects(own.batchOnThread([deleteLink({ name: 'below' })]), { name: 'NetlinkError', code: 'ENODEV' });
  } finally {
    own.close();
  }
});

test('a monitor is told of all that changes', async () => {
  const told: NetworkEvent[] = [];
  const unexpected = (error?: unknown): never => assert.fail(String(error));
  const events = { changed: (event: NetworkEvent) => void told.push(event), lost: unexpected, failed: unexpected };
  const monitor = monitorNetwork(['links', 'addresses', 'routes', 'neighbours', 'rules'], events);
  try {
    const link = makeBelow();
    const address = globalAddress(link, '10.1.0.1/16');
    const rule = {
      family: 4 as const,
      source: anywhere(4),
      destination: anywhere(4),
      typeOfService: 0,
      table: TABLE.main,
      action: RULE_ACTION.table,
      flags: 0,
      settings: { priority: 55 },
    };
    kernel.batch([newAddress(address), newRule(rule), deleteRule(rule), deleteLink({ name: 'below' })]);
    const seen = (what: string, test: (event: NetworkEvent) => boolean): Promise<boolean> =>
      until(what, () => told.some(test));
    await seen('a link', (event) => 'link' in event && event.link.name === 'below' && !event.isGone);
    await seen('an address', (event) => 'address' in event && cidrOf(event.address) === '10.1.0.1/16');
    await seen('a route', (event) => 'route' in event && formatPrefix(event.route.destination) === '10.1.0.0/16');
    await seen('a rule', (event) => 'rule' in event && event.isGone && event.rule.settings.priority === 55);
    await seen('the end of the link', (event) => 'link' in event && event.link.name === 'below' && event.isGone);
  } finally {
    monitor.close();
  }
});

test('a monitor that could not keep up says so, and goes on', async () => {
  let lost = 0;
  const told = new Set<string>();
  const unexpected = (error?: unknown): never => assert.fail(String(error));
  const monitor = monitorNetlink(
    NETLINK_ROUTE,
    { groups: [1], receiveBuffer: 4096 },
    {
      received: (datagram) => {
        for (const message of decodeMessages(datagram)) {
          const event = decodeEvent(message);
          if (event !== undefined && 'link' in event) told.add(event.link.name);
        }
      },
      lost: () => {
        lost++;
      },
      failed: unexpected,
    },
  );
  try {
    const alias = (text: string) => changeLink({ settings: { name: 'lo', alias: text } });
    // All of it before the event loop turns once.
    kernel.batch(Array.from({ length: 100 }, (_, index) => alias(`turn ${index}`)));
    await until('that some was lost', () => lost > 0);
    kernel.batch([newLink({ settings: { name: 'later' }, info: { link: { kind: 'bridge' } } })]);
    await until('what came later', () => told.has('later'));
  } finally {
    monitor.close();
  }
});
