/**
 * Which ports of the host are published: ranges by protocol and address, none of which meets another. "0.0.0.0" and "::"
 * meet every address of their family. In memory; the registry's rows are what lasts.
 */
import { parseAddress } from '../address.ts';
import type { PortMapping } from '../types.ts';

type Protocol = PortMapping['protocol'];

/** Ports of the host that nobody asks for by number: the kernel's default of net.ipv4.ip_local_port_range. */
export const EPHEMERAL = { first: 32_768, last: 60_999 } as const;

export type PortRange = Pick<PortMapping, 'protocol' | 'hostAddress' | 'hostPort' | 'count'>;

export interface Published<Owner> {
  readonly range: PortRange;
  readonly owner: Owner;
}

const WILDCARDS: Readonly<Record<4 | 6, string>> = { 4: '0.0.0.0', 6: '::' };

/** In the order of their ports. As they never meet, only the neighbours of a range need to be looked at. */
type Shelf<Owner> = Published<Owner>[];

export class PortBook<Owner> {
  private readonly shelves: Readonly<Record<Protocol, Record<4 | 6, Map<string, Shelf<Owner>>>>> = {
    tcp: { 4: new Map(), 6: new Map() },
    udp: { 4: new Map(), 6: new Map() },
    sctp: { 4: new Map(), 6: new Map() },
  };
  private cursor: number = EPHEMERAL.first;

  /** What `range` meets: of several the one with the highest ports of the first address looked at. */
  conflict(range: PortRange): Published<Owner> | undefined {
    for (const shelf of this.meeting(range)) {
      const before = shelf[placeOf(shelf, range.hostPort + range.count) - 1];
      if (before !== undefined && before.range.hostPort + before.range.count > range.hostPort) return before;
    }
    return undefined;
  }

  /** Throws RangeError where it meets another: ask for the conflict first. */
  add(range: PortRange, owner: Owner): void {
    const other = this.conflict(range);
    if (other !== undefined) throw new RangeError(`port ${range.hostPort} meets ${other.range.hostPort}`);
    const family = familyOf(range);
    const addresses = this.shelves[range.protocol][family];
    const shelf = addresses.get(range.hostAddress) ?? [];
    addresses.set(range.hostAddress, shelf);
    shelf.splice(placeOf(shelf, range.hostPort), 0, { range, owner });
  }

  /** What is not there is ignored. */
  remove({ protocol, hostAddress, hostPort, count }: PortRange): void {
    const addresses = this.shelves[protocol][familyOf({ hostAddress })];
    const shelf = addresses.get(hostAddress) ?? [];
    const at = placeOf(shelf, hostPort);
    const found = shelf[at]?.range;
    if (found?.hostPort !== hostPort || found.count !== count) return;
    shelf.splice(at, 1);
    if (shelf.length === 0) addresses.delete(hostAddress);
  }

  /**
   * The first of `count` ports that are free on all of `addresses`, round robin among the ephemeral ones; `admits` may
   * refuse one that a program of the host has. undefined: there are none.
   */
  choose(
    protocol: Protocol,
    addresses: readonly string[],
    count: number,
    admits: (hostPort: number) => boolean = () => true,
  ): number | undefined {
    const start = this.cursor;
    return (
      this.chooseFrom(start, EPHEMERAL.last, { protocol, addresses, count, admits }) ??
      this.chooseFrom(EPHEMERAL.first, start - 1, { protocol, addresses, count, admits })
    );
  }

  /** Begins at `from` or later, and not after `to`. */
  private chooseFrom(
    from: number,
    to: number,
    wish: {
      readonly protocol: Protocol;
      readonly addresses: readonly string[];
      readonly count: number;
      readonly admits: (hostPort: number) => boolean;
    },
  ): number | undefined {
    const { protocol, addresses, count } = wish;
    let hostPort = from;
    while (hostPort <= to && hostPort + count - 1 <= EPHEMERAL.last) {
      let next = hostPort;
      for (const hostAddress of addresses) {
        const other = this.conflict({ protocol, hostAddress, hostPort, count })?.range;
        if (other !== undefined) next = Math.max(next, other.hostPort + other.count);
      }
      if (next === hostPort && wish.admits(hostPort)) {
        this.cursor = hostPort + count > EPHEMERAL.last ? EPHEMERAL.first : hostPort + count;
        return hostPort;
      }
      hostPort = Math.max(next, hostPort + 1);
    }
    return undefined;
  }

  /** The shelves that a range of this address can meet others on. */
  private meeting({ protocol, hostAddress }: PortRange): Iterable<Shelf<Owner>> {
    const family = familyOf({ hostAddress });
    const addresses = this.shelves[protocol][family];
    const wildcard = WILDCARDS[family];
    if (hostAddress === wildcard) return addresses.values();
    return [addresses.get(hostAddress), addresses.get(wildcard)].filter((shelf) => shelf !== undefined);
  }
}

function familyOf({ hostAddress }: Pick<PortRange, 'hostAddress'>): 4 | 6 {
  const address = parseAddress(hostAddress);
  if (address === undefined) throw new RangeError(`${hostAddress} is no address`);
  return address.family;
}

/** Where in the shelf the first range that begins at `hostPort` or later is. */
function placeOf(shelf: Shelf<unknown>, hostPort: number): number {
  let low = 0;
  let high = shelf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((shelf[middle]?.range.hostPort ?? 0) < hostPort) low = middle + 1;
    else high = middle;
  }
  return low;
}
