/**
 * Tracked UDP flows that a change of published ports leaves behind. Translation is decided on once for a flow, by its
 * first packet; a client that does not stop sending keeps what it was given for ever. Connections of TCP and SCTP end by
 * themselves: who does not know them resets them.
 */
import type { NetworkLog, PortMapping } from '../types.ts';
import { forgetFlows } from '../netfilter/conntrack/forget.ts';
import { heldBy, missedBy, type FlowMatch } from '../netfilter/conntrack/matches.ts';

/** Flows to ports that were not published when they began. */
export function forgetStray(mappings: readonly PortMapping[], log: NetworkLog): void {
  const matches = mappings.flatMap((mapping) => missedBy(mapping) ?? []);
  for (const match of together(matches, widest)) forget(match, log);
}

/** Flows that are led to where nothing is published any more. */
export function forgetOrphaned(mappings: readonly PortMapping[], log: NetworkLog): void {
  const matches = mappings.filter(({ protocol }) => protocol === 'udp').map(heldBy);
  for (const match of together(matches, (filters) => filters)) forget(match, log);
}

/** On another thread, as the kernel walks all that it tracks. What fails leaves a flow to its time-out. */
function forget(match: FlowMatch, log: NetworkLog): void {
  const failed = (error: unknown): void => log.warn({ error }, 'ignoring that UDP flows could not be forgotten');
  try {
    forgetFlows(match).then(({ reason }) => {
      if (reason !== undefined) log.warn({ reason }, 'ignoring that UDP flows could not be forgotten');
    }, failed);
  } catch (error) {
    failed(error);
  }
}

type Filters = FlowMatch['filters'];

/**
 * The walk is what it costs: those that ask the kernel the same share one. `widen` makes the filters of several the same,
 * where they are not.
 */
export function together(matches: readonly FlowMatch[], widen: (filters: Filters) => Filters): FlowMatch[] {
  if (matches.length < 2) return [...matches];
  const groups = new Map<string, { family: 4 | 6; filters: Filters; members: FlowMatch[] }>();
  for (const match of matches) {
    const filters = widen(match.filters);
    const key = JSON.stringify([match.family, filters]);
    const group = groups.get(key) ?? { family: match.family, filters, members: [] };
    group.members.push(match);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ family, filters, members }) => ({
    family,
    filters,
    matches: (flow) => members.some((member) => member.matches(flow)),
  }));
}

/** Whatever the port and address. */
export function widest(filters: Filters): Filters {
  return filters.map(({ direction, protocol }) => ({ direction, protocol }));
}
