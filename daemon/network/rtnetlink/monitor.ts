/** Being told of what changes in the network's configuration, of whatever kind; RTNLGRP_* of rtnetlink(7). */
import { monitorNetlink } from '../../../native-bindings/netlink-monitor.ts';
import { NETLINK_ROUTE, type NetlinkOptions } from '../../../native-bindings/netlink.ts';
import { decodeAddress, RTM_DELADDR, RTM_NEWADDR, type LinkAddress } from './addresses.ts';
import { MalformedMessage } from './attributes.ts';
import { AF_BRIDGE } from './families.ts';
import { decodeLink, RTM_DELLINK, RTM_NEWLINK, type Link } from './links.ts';
import { decodeMessages, type Message } from './messages.ts';
import { decodeNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH, type Neighbour } from './neighbours.ts';
import { decodeRoute, RTM_DELROUTE, RTM_NEWROUTE, type Route } from './routes.ts';
import { decodeRule, RTM_DELRULE, RTM_NEWRULE, type Rule } from './rules.ts';

export const GROUPS = {
  links: [1],
  neighbours: [3],
  addresses: [5, 9],
  routes: [7, 11],
  rules: [8, 19],
} as const;
export type Subject = keyof typeof GROUPS;

/** `isGone`: it is no more; otherwise it is new, or another than before. */
export type NetworkEvent = { readonly isGone: boolean } & (
  | { readonly link: Link }
  | { readonly address: LinkAddress }
  | { readonly route: Route }
  | { readonly neighbour: Neighbour }
  | { readonly rule: Rule }
);

/** undefined where it is of something else. Throws MalformedMessage. */
export function decodeEvent({ type, body }: Message): NetworkEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      // What bridges tell of their ports: a port that leaves its bridge is told of as gone, and is not.
      return body[0] === AF_BRIDGE ? undefined : { isGone: type === RTM_DELLINK, link: decodeLink(body) };
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return { isGone: type === RTM_DELADDR, address: decodeAddress(body) };
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return { isGone: type === RTM_DELNEIGH, neighbour: decodeNeighbour(body) };
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(body);
      return route && { isGone: type === RTM_DELROUTE, route };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(body);
      return rule && { isGone: type === RTM_DELRULE, rule };
    }
    default:
      return undefined;
  }
}

export interface NetworkEvents {
  changed(event: NetworkEvent): void;
  /** More has happened than there was room to tell, or than can be read: list all, and compare. */
  lost(): void;
  /** Nothing more is told. */
  failed(error: unknown): void;
}

/**
 * Told of everything from the moment that this returns: who lists afterwards misses nothing.
 *
 * @throws SystemError
 */
export function monitorNetwork(
  subjects: readonly Subject[],
  events: NetworkEvents,
  options: Pick<NetlinkOptions, 'namespace' | 'onlyType'> = {},
): { close(): void } {
  return monitorNetlink(
    NETLINK_ROUTE,
    { ...options, groups: subjects.flatMap((subject) => GROUPS[subject]) },
    {
      received: (datagram) => {
        const told = decodeEvents(datagram);
        if (told === undefined) events.lost();
        else for (const event of told) events.changed(event);
      },
      lost: () => events.lost(),
      failed: (error) => events.failed(error),
    },
  );
}

/** undefined: what has been told cannot be read. */
function decodeEvents(datagram: Uint8Array): NetworkEvent[] | undefined {
  try {
    return decodeMessages(datagram).flatMap((message) => decodeEvent(message) ?? []);
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}
