/**
 * The rules of the daemon's table: made once, and never changed for a network, a container or a port. As nft(8) shows
 * them (the sets are in sets.ts):
 *
 *   chain arriving {                              # before conntrack
 *     type filter hook prerouting priority raw + 10; policy accept;
 *     iifname "tare-0a1bx*" notrack accept         # bridges that only bridge: what they bridge comes by another, too
 *     iifname "lo" accept
 *     ip daddr 127.0.0.0/8 drop                   # route_localnet opens the door, this closes it
 *     ip saddr 127.0.0.0/8 drop
 *     iifname @bridges goto from-bridge
 *     ip daddr @gateways4 drop                    # the host's addresses in the networks are the networks' alone
 *     ip6 daddr @gateways6 drop
 *   }
 *   chain from-bridge {
 *     ip6 daddr ::1 drop
 *     fib saddr . iif oif 0 drop                  # a source that the host would not answer by this bridge
 *   }
 *   chain prerouting {
 *     type nat hook prerouting priority dstnat + 10; policy accept;
 *     fib daddr type local goto published
 *   }
 *   chain output {
 *     type nat hook output priority dstnat + 10; policy accept;
 *     fib daddr type local goto published
 *   }
 *   chain published {
 *     dnat ip to ip daddr . meta l4proto . th dport map @bound4
 *     dnat ip to meta l4proto . th dport map @ports4
 *     dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
 *     dnat ip6 to meta l4proto . th dport map @ports6
 *   }
 *   chain loopback-answer {                       # see below
 *     type filter hook prerouting priority dstnat + 20; policy accept;
 *     ip6 daddr ::1 iifname @bridges ct direction reply ip6 daddr set ct reply ip6 daddr
 *   }
 *   chain input {
 *     type filter hook input priority filter + 10; policy accept;
 *     iifname != @bridges accept
 *     ct direction reply ct original ip6 saddr ::1 ip6 daddr set ::1
 *     ct state established,related accept
 *     ip daddr @gateways4 fib daddr . iif type != local drop       # another network's gateway
 *     ip6 daddr @gateways6 fib daddr . iif type != local drop
 *   }
 *   chain forward {
 *     type filter hook forward priority filter + 10; policy accept;
 *     ct state established,related accept
 *     iifname . oifname @within goto same-network
 *     iifname @internal drop
 *     oifname @internal drop
 *     oifname @bridges ct status & dnat == 0 drop                  # nothing but published ports
 *     iifname @bridges ct state invalid drop                       # would leave with the container's own address
 *   }
 *   chain same-network {
 *     ct status dnat accept
 *     iifname @apart drop
 *   }
 *   chain postrouting {
 *     type nat hook postrouting priority srcnat + 10; policy accept;
 *     oifname @bridges goto to-bridge
 *     iifname @bridges masquerade
 *   }
 *   chain to-bridge {
 *     ip saddr 127.0.0.0/8 masquerade
 *     ip6 saddr ::1 masquerade
 *     ct status dnat oifname . ip saddr @subnets4 masquerade       # it would answer past the host
 *     ct status dnat oifname . ip6 saddr @subnets6 masquerade
 *   }
 *
 * Priorities: each chain comes right after the place where rules of the host usually are, so that a host's own
 * translation is made first and stays. A verdict "accept" ends one chain only: a drop in any other table is the last word,
 * whichever comes first. No chain of ours has another policy than accept, and none drops what has nothing to do with our
 * bridges, but for 127.0.0.0/8 on the wire, which RFC 1122 forbids (3.2.1.3).
 *
 * [::1]:port from the host. IPv6 has no route_localnet: an answer that address translation has turned back to ::1 has no
 * route from a bridge (rt6_need_strict(), net/ipv6/route.c), and where br_netfilter has translated it below IP it is
 * dropped on sight (ip6_rcv_core(), net/ipv6/ip6_input.c). So it gets back the address that it came to, right after it was
 * translated, travels to the host as that, and becomes ::1 where it has arrived.
 *
 * What goes from a network to the same one passes here where it was published (through the host), or where the host has
 * br_netfilter. Where that is on, the kernel does not say at postrouting by which bridge a packet came in, therefore the
 * subnets.
 */
import { addChain, addRule, PRIORITY, type BaseChain } from '../netfilter/nftables/objects.ts';
import type { Change } from '../netfilter/nftables/change.ts';
import { constant, ct, ctTuple, fib, mapped, meta, payload } from '../netfilter/nftables/loads.ts';
import type { TableName } from '../netfilter/nftables/protocol.ts';
import {
  accept,
  dnat,
  drop,
  goTo,
  hasAny,
  is,
  isIn,
  isNot,
  isNotIn,
  masquerade,
  notrack,
  setPayload,
  startsWith,
  type Statement,
} from '../netfilter/nftables/statements.ts';
import { APART, BOUND_PORTS, BRIDGES, GATEWAYS, INTERNAL, PORTS, SUBNETS, WITHIN } from './sets.ts';

interface Chain {
  readonly name: string;
  readonly base?: BaseChain;
  readonly rules: readonly (readonly Statement[])[];
}

/** After the chains that hosts have at the usual priorities. */
const AFTER = 10;
const LOOPBACK = { 4: '127.0.0.0/8', 6: '::1' } as const;

const ipv4 = is(meta('nfproto'), 'ipv4');
const ipv6 = is(meta('nfproto'), 'ipv6');
const fromBridge = isIn([meta('iifname')], BRIDGES);
const toBridge = isIn([meta('oifname')], BRIDGES);
const known = hasAny(ct('state'), ['established', 'related']);
const published = hasAny(ct('status'), ['dnat']);
const isReply = is(ct('direction'), 'reply');
const port = [meta('l4proto'), payload('th dport')];
const isForHost = is(fib(['daddr'], 'type'), 'local');
/** Though it is an address of the host. */
const isOfOtherInterface = isNot(fib(['daddr', 'iif'], 'type'), 'local');

const arriving: readonly Chain[] = [
  {
    name: 'from-bridge',
    rules: [
      [ipv6, is(payload('ip6 daddr'), LOOPBACK[6]), drop()],
      [is(fib(['saddr', 'iif'], 'oif'), 0), drop()],
    ],
  },
  {
    name: 'arriving',
    base: { type: 'filter', hook: 'prerouting', priority: PRIORITY.raw + AFTER },
    rules: [
      [is(meta('iifname'), 'lo'), accept()],
      [ipv4, is(payload('ip daddr'), LOOPBACK[4]), drop()],
      [ipv4, is(payload('ip saddr'), LOOPBACK[4]), drop()],
      [fromBridge, goTo('from-bridge')],
      [ipv4, isIn([payload('ip daddr')], GATEWAYS[4]), drop()],
      [ipv6, isIn([payload('ip6 daddr')], GATEWAYS[6]), drop()],
    ],
  },
];

const publishing: readonly Chain[] = [
  {
    name: 'published',
    rules: [
      [ipv4, dnat(mapped([payload('ip daddr'), ...port], BOUND_PORTS[4]))],
      [ipv4, dnat(mapped(port, PORTS[4]))],
      [ipv6, dnat(mapped([payload('ip6 daddr'), ...port], BOUND_PORTS[6]))],
      [ipv6, dnat(mapped(port, PORTS[6]))],
    ],
  },
  ...(['prerouting', 'output'] as const).map((hook) => ({
    name: hook,
    base: { type: 'nat', hook, priority: PRIORITY.dstnat + AFTER } as const,
    rules: [[isForHost, goTo('published')]],
  })),
  {
    name: 'loopback-answer',
    base: { type: 'filter', hook: 'prerouting', priority: PRIORITY.dstnat + 2 * AFTER },
    rules: [
      [
        ipv6,
        is(payload('ip6 daddr'), LOOPBACK[6]),
        fromBridge,
        isReply,
        setPayload('ip6 daddr', ctTuple('reply', 'ip6 daddr')),
      ],
    ],
  },
];

const filtering: readonly Chain[] = [
  {
    name: 'input',
    base: { type: 'filter', hook: 'input', priority: PRIORITY.filter + AFTER },
    rules: [
      [isNotIn([meta('iifname')], BRIDGES), accept()],
      [
        ipv6,
        isReply,
        is(ctTuple('original', 'ip6 saddr'), LOOPBACK[6]),
        setPayload('ip6 daddr', constant(['ipv6_addr'], [LOOPBACK[6]])),
      ],
      [known, accept()],
      [ipv4, isIn([payload('ip daddr')], GATEWAYS[4]), isOfOtherInterface, drop()],
      [ipv6, isIn([payload('ip6 daddr')], GATEWAYS[6]), isOfOtherInterface, drop()],
    ],
  },
  {
    name: 'same-network',
    rules: [
      [published, accept()],
      [isIn([meta('iifname')], APART), drop()],
    ],
  },
  {
    name: 'forward',
    base: { type: 'filter', hook: 'forward', priority: PRIORITY.filter + AFTER },
    rules: [
      [known, accept()],
      [isIn([meta('iifname'), meta('oifname')], WITHIN), goTo('same-network')],
      [isIn([meta('iifname')], INTERNAL), drop()],
      [isIn([meta('oifname')], INTERNAL), drop()],
      [toBridge, hasAny(ct('status'), ['dnat'], { isNone: true }), drop()],
      [fromBridge, hasAny(ct('state'), ['invalid']), drop()],
    ],
  },
];

const leaving: readonly Chain[] = [
  {
    name: 'to-bridge',
    rules: [
      [ipv4, is(payload('ip saddr'), LOOPBACK[4]), masquerade()],
      [ipv6, is(payload('ip6 saddr'), LOOPBACK[6]), masquerade()],
      [ipv4, published, isIn([meta('oifname'), payload('ip saddr')], SUBNETS[4]), masquerade()],
      [ipv6, published, isIn([meta('oifname'), payload('ip6 saddr')], SUBNETS[6]), masquerade()],
    ],
  },
  {
    name: 'postrouting',
    base: { type: 'nat', hook: 'postrouting', priority: PRIORITY.srcnat + AFTER },
    rules: [
      [toBridge, goTo('to-bridge')],
      // Linux 5.7 knows at postrouting where a routed packet came from.
      [fromBridge, masquerade()],
    ],
  },
];

/** All chains with their rules, of a table that has its sets and no chain yet. */
/** `bridged`: how the names of bridges begin that are none of the firewall's business. */
export function addRules(table: TableName, bridged?: string): Change[] {
  const passedOver = bridged === undefined ? [] : [[startsWith(meta('iifname'), bridged), notrack(), accept()]];
  const chains = [...arriving, ...publishing, ...filtering, ...leaving].map((chain) =>
    chain.name === 'arriving' ? { ...chain, rules: [...passedOver, ...chain.rules] } : chain,
  );
  return chains.flatMap(({ name, base, rules }) => [
    addChain(table, name, { base }),
    ...rules.map((statements) => addRule(table, name, statements)),
  ]);
}
