/** Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE; struct rtmsg of rtnetlink(7). */
import { bitsOf, formatPrefix, prefixOf, type Prefix } from '../address.ts';
import { attribute, decodeAttributes, encodeAttributes, MalformedMessage, viewOf } from './attributes.ts';
import type { Change, Rtnetlink } from './connection.ts';
import { familyOf, numberOf } from './families.ts';
import { ADDRESS, addressOf, decodeFields, encodeFields, field, U32, U8, within, type Values } from './fields.ts';
import { FLAG } from './messages.ts';
import { NEXT_HOPS } from './next-hops.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
/** u8 family, destination's length, source's length, tos, table, protocol, scope, type; u32 flags. */
const HEADER_SIZE = 12;
const RTA_DST = 1;
const RTA_SRC = 2;

/** include/uapi/linux/rtnetlink.h. */
export const TABLE = { default: 253, main: 254, local: 255 } as const;
/** Who made a route. */
export const ROUTE_PROTOCOL = { redirect: 1, kernel: 2, boot: 3, static: 4, advertisement: 9 } as const;
export const ROUTE_SCOPE = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
export const ROUTE_TYPE = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;

/** RTAX_*. */
export const METRICS = {
  mtu: field(2, U32),
  window: field(3, U32),
  roundTripTime: field(4, U32),
  advertisedSegment: field(8, U32),
  hopLimit: field(10, U32),
  quickAcknowledgement: field(15, U32),
} as const;

export const ROUTE_FIELDS = {
  /** Index of the link that it leads in from. */
  inLink: field(3, U32),
  /** Index of the link that it leads out by. */
  outLink: field(4, U32),
  gateway: field(5, ADDRESS),
  /** Metric: of equal routes the one with the least counts. */
  priority: field(6, U32),
  preferredSource: field(7, ADDRESS),
  metrics: field(8, within(METRICS)),
  nextHops: field(9, NEXT_HOPS),
  flow: field(11, U32),
  table: field(15, U32),
  mark: field(16, U32),
  /** RFC 4191: 0 medium, 1 high, 3 low. */
  preference: field(20, U8),
  /** A next hop object's id. */
  nextHop: field(30, U32),
} as const;

export interface Route {
  readonly family: 4 | 6;
  readonly destination: Prefix;
  /** IPv6 with subtrees alone; of length 0 where any is meant. */
  readonly source: Prefix;
  readonly typeOfService: number;
  /** TABLE; any number. */
  readonly table: number;
  /** ROUTE_PROTOCOL. */
  readonly protocol: number;
  /** ROUTE_SCOPE. */
  readonly scope: number;
  /** ROUTE_TYPE. */
  readonly type: number;
  /** RTNH_F_*, RTM_F_*. */
  readonly flags: number;
  readonly settings: Values<typeof ROUTE_FIELDS>;
}

export const anywhere = (family: 4 | 6): Prefix => ({ family, value: 0n, length: 0 });

/** A plain route of the main table to `destination`, out by the link `outLink`. */
export function routeTo(destination: Prefix, outLink: number, settings: Values<typeof ROUTE_FIELDS> = {}): Route {
  const isDirect = settings.gateway === undefined && destination.family === 4;
  return {
    family: destination.family,
    destination,
    source: anywhere(destination.family),
    typeOfService: 0,
    table: TABLE.main,
    protocol: ROUTE_PROTOCOL.boot,
    scope: isDirect ? ROUTE_SCOPE.link : ROUTE_SCOPE.universe,
    type: ROUTE_TYPE.unicast,
    flags: 0,
    settings: { outLink, ...settings },
  };
}

/** Throws RangeError where an address is of the other family. */
export function encodeRoute(route: Route): Buffer {
  const { family, destination, source, table, settings } = route;
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt8(numberOf(family), 0);
  header.writeUInt8(destination.length, 1);
  header.writeUInt8(source.length, 2);
  header.writeUInt8(route.typeOfService, 3);
  header.writeUInt8(table < 256 ? table : 0, 4);
  header.writeUInt8(route.protocol, 5);
  header.writeUInt8(route.scope, 6);
  header.writeUInt8(route.type, 7);
  header.writeUInt32LE(route.flags, 8);
  const codec = addressOf(family);
  const ends = [
    { type: RTA_DST, prefix: destination },
    { type: RTA_SRC, prefix: source },
  ].flatMap(({ type, prefix }) => (prefix.length === 0 ? [] : [{ type, value: codec.write(prefix) }]));
  return Buffer.concat([header, encodeAttributes([...ends, ...encodeFields(ROUTE_FIELDS, { ...settings, table })])]);
}

/** undefined where it is neither of IPv4 nor of IPv6. Throws MalformedMessage. */
export function decodeRoute(body: Uint8Array): Route | undefined {
  if (body.length < HEADER_SIZE) throw new MalformedMessage(`a route of ${body.length} bytes`);
  const view = viewOf(body);
  const family = familyOf(view.getUint8(0));
  if (family === undefined) return undefined;
  const attributes = decodeAttributes(body.subarray(HEADER_SIZE));
  const { table, ...settings } = decodeFields(ROUTE_FIELDS, attributes);
  const end = (type: number, length: number): Prefix => {
    if (length > bitsOf(family)) throw new MalformedMessage(`a prefix of ${length} bits`);
    const bytes = attribute(attributes, type);
    return bytes === undefined ? anywhere(family) : prefixOf(addressOf(family).read(bytes), length);
  };
  return {
    family,
    destination: end(RTA_DST, view.getUint8(1)),
    source: end(RTA_SRC, view.getUint8(2)),
    typeOfService: view.getUint8(3),
    table: table ?? view.getUint8(4),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    flags: view.getUint32(8, true),
    settings,
  };
}

const nameOf = ({ destination }: Route): string =>
  destination.length === 0
    ? `the default route of IPv${destination.family}`
    : `the route to ${formatPrefix(destination)}`;

/** Makes a route, which must not exist. */
export function newRoute(route: Route): Change {
  const flags = FLAG.create | FLAG.exclusive;
  return { step: `add ${nameOf(route)}`, type: RTM_NEWROUTE, body: encodeRoute(route), flags };
}

/** Makes a route, in the place of one there may be. */
export function replaceRoute(route: Route): Change {
  const flags = FLAG.create | FLAG.replace;
  return { step: `set ${nameOf(route)}`, type: RTM_NEWROUTE, body: encodeRoute(route), flags };
}

export function deleteRoute(route: Route): Change {
  return { step: `remove ${nameOf(route)}`, type: RTM_DELROUTE, body: encodeRoute(route) };
}

/** Of all tables. Throws NetlinkError. */
export function listRoutes(connection: Rtnetlink, family: 4 | 6): Route[] {
  const body = Buffer.alloc(HEADER_SIZE);
  body.writeUInt8(numberOf(family), 0);
  const request = { step: `list the routes of IPv${family}`, type: RTM_GETROUTE, body };
  return connection.dump(request).flatMap((route) => decodeRoute(route) ?? []);
}
