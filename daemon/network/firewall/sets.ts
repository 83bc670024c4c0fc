/**
 * The sets and maps of the table. All that comes and goes with networks and published ports is an element of one of them;
 * the rules (rules.ts) stay as they are, and a packet's way through them is as long for 5,000 networks as for one.
 */
import type { SetShape } from '../netfilter/nftables/sets.ts';

/** Of every network. */
export const BRIDGES = { name: 'bridges', key: ['ifname'] } as const;
/** Bridges that nothing crosses. */
export const INTERNAL = { name: 'internal', key: ['ifname'] } as const;
/** Every bridge paired with itself: what comes from a network and goes to the same one. */
export const WITHIN = { name: 'within', key: ['ifname', 'ifname'] } as const;
/** Bridges whose containers do not reach each other. */
export const APART = { name: 'apart', key: ['ifname'] } as const;

/** The host's addresses in the networks. */
export const GATEWAYS = {
  4: { name: 'gateways4', key: ['ipv4_addr'] },
  6: { name: 'gateways6', key: ['ipv6_addr'] },
} as const;

/** Every bridge with its subnets. */
export const SUBNETS = {
  4: { name: 'subnets4', key: ['ifname', 'ipv4_addr'], interval: true },
  6: { name: 'subnets6', key: ['ifname', 'ipv6_addr'], interval: true },
} as const;

/** Ports published at any address of the host: where they lead. */
export const PORTS = {
  4: { name: 'ports4', key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  6: { name: 'ports6', key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
} as const;

/** Ports published at one address of the host. */
export const BOUND_PORTS = {
  4: { name: 'bound4', key: ['ipv4_addr', 'inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  6: { name: 'bound6', key: ['ipv6_addr', 'inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
} as const;

/** In the order in which they are made. */
export const ALL_SETS: readonly SetShape[] = [
  BRIDGES,
  INTERNAL,
  WITHIN,
  APART,
  ...[GATEWAYS, SUBNETS, PORTS, BOUND_PORTS].flatMap((families): SetShape[] => [families[4], families[6]]),
];
