/** What a subnet of containers can be. */
import { overlaps, parseCidr, type Prefix } from '../address.ts';

/** Addresses that are not for hosts of a network: RFC 6890 and RFC 4291. */
const NOT_FOR_HOSTS: readonly (readonly [prefix: string, what: string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/8', 'reserved and loopback'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
];

/** Of a subnet that holds its gateway and a container; IPv4 needs a network and a broadcast address besides. */
export function longestSubnet(family: 4 | 6): number {
  return family === 4 ? 30 : 126;
}

/** Why it cannot be one, such as "overlaps 127.0.0.0/8, which is loopback". */
export function unfitness(subnet: Prefix): string | undefined {
  const longest = longestSubnet(subnet.family);
  if (subnet.length > longest) return `has no room for a gateway and a container: /${longest} has`;
  for (const [text, what] of NOT_FOR_HOSTS) {
    const prefix = parseCidr(text)?.prefix;
    if (prefix !== undefined && overlaps(prefix, subnet)) return `overlaps ${text}, which is ${what}`;
  }
  return undefined;
}
