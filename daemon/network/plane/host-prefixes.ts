/** Which addresses the host uses or reaches already: the subnets of new networks keep clear of them. */
import { parseCidr, type Prefix } from '../address.ts';
import { cidrOf, listAllAddresses } from '../rtnetlink/addresses.ts';
import type { Rtnetlink } from '../rtnetlink/connection.ts';
import { listRoutes, TABLE } from '../rtnetlink/routes.ts';

/**
 * Destinations of its routes, of every table, and the subnets of its addresses. Left out are default routes, and what
 * every host has: loopback, link-local and multicast. May name one several times. Throws NetlinkError.
 */
export function hostPrefixes(host: Rtnetlink): Prefix[] {
  const routes = ([4, 6] as const)
    .flatMap((family) => listRoutes(host, family))
    .filter(({ table }) => table !== TABLE.local)
    .map(({ destination }) => destination)
    // Halves of everything stand in for a default route where a tunnel takes it over.
    .filter(({ length }) => length > 1);
  const addresses = listAllAddresses(host).flatMap((address) => {
    const cidr = cidrOf(address);
    const parsed = cidr === undefined ? undefined : parseCidr(cidr);
    return parsed === undefined ? [] : [parsed.prefix];
  });
  return [...routes, ...addresses].filter((prefix) => !isEverywhere(prefix));
}

/** 127.0.0.0/8, 169.254.0.0/16 is routed by some clouds and stays; ::1, fe80::/10, ff00::/8. */
function isEverywhere({ family, value }: Prefix): boolean {
  if (family === 4) return value >> 24n === 127n || value >> 28n === 0xen;
  return value === 1n || value >> 118n === 0x3fan || value >> 120n === 0xffn;
}
