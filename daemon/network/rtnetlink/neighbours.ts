/**
 * Neighbours, what hardware address an address has, and the forwarding tables of bridges, which are neighbours of the
 * family AF_BRIDGE: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH; struct ndmsg of rtnetlink(7).
 */
import { formatAddress } from '../address.ts';
import { decodeAttributes, encodeAttributes, MalformedMessage, viewOf } from './attributes.ts';
import type { Change, Rtnetlink } from './connection.ts';
import { AF_BRIDGE, numberOf } from './families.ts';
import { ADDRESS, BE16, decodeFields, encodeFields, field, MAC, U16, U32, U8, type Values } from './fields.ts';
import { FLAG } from './messages.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;
/** u8 family, u8 and u16 padding, s32 link, u16 state, u8 flags, u8 type. */
const HEADER_SIZE = 12;

/** NUD_*. */
export const NEIGHBOUR_STATE = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noArp: 0x40,
  permanent: 0x80,
} as const;
/** NTF_*. */
export const NEIGHBOUR_FLAG = {
  use: 1,
  self: 2,
  master: 4,
  proxy: 8,
  learnedElsewhere: 16,
  sticky: 64,
  router: 128,
} as const;

export const NEIGHBOUR_FIELDS = {
  address: field(1, ADDRESS),
  mac: field(2, MAC),
  probes: field(4, U32),
  /** Of bridges and VXLAN. */
  vlan: field(5, U16),
  port: field(6, BE16),
  networkId: field(7, U32),
  outLink: field(8, U32),
  master: field(9, U32),
  /** Who made it, ROUTE_PROTOCOL. */
  protocol: field(12, U8),
} as const;

export interface Neighbour {
  /** AF_INET, AF_INET6, AF_BRIDGE. */
  readonly family: number;
  readonly link: number;
  /** NEIGHBOUR_STATE. */
  readonly state: number;
  /** NEIGHBOUR_FLAG. */
  readonly flags: number;
  /** RTN_*, as routes have it: 1 unicast. */
  readonly type: number;
  readonly settings: Values<typeof NEIGHBOUR_FIELDS>;
}

export function encodeNeighbour({ family, link, state, flags, type, settings }: Neighbour): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt8(family, 0);
  header.writeInt32LE(link, 4);
  header.writeUInt16LE(state, 8);
  header.writeUInt8(flags, 10);
  header.writeUInt8(type, 11);
  return Buffer.concat([header, encodeAttributes(encodeFields(NEIGHBOUR_FIELDS, settings))]);
}

/** Throws MalformedMessage. */
export function decodeNeighbour(body: Uint8Array): Neighbour {
  if (body.length < HEADER_SIZE) throw new MalformedMessage(`a neighbour of ${body.length} bytes`);
  const view = viewOf(body);
  return {
    family: view.getUint8(0),
    link: view.getInt32(4, true),
    state: view.getUint16(8, true),
    flags: view.getUint8(10),
    type: view.getUint8(11),
    settings: decodeFields(NEIGHBOUR_FIELDS, decodeAttributes(body.subarray(HEADER_SIZE))),
  };
}

const nameOf = ({ settings: { address, mac } }: Neighbour): string =>
  address === undefined ? (mac ?? 'without an address') : formatAddress(address);

/** Makes a neighbour, in the place of one there may be. */
export function setNeighbour(neighbour: Neighbour): Change {
  const flags = FLAG.create | FLAG.replace;
  return {
    step: `set the neighbour ${nameOf(neighbour)}`,
    type: RTM_NEWNEIGH,
    body: encodeNeighbour(neighbour),
    flags,
  };
}

export function deleteNeighbour(neighbour: Neighbour): Change {
  return {
    step: `remove the neighbour ${nameOf(neighbour)}`,
    type: RTM_DELNEIGH,
    body: encodeNeighbour({ ...neighbour, state: 0 }),
  };
}

function list(connection: Rtnetlink, step: string, family: number): Neighbour[] {
  const body = encodeNeighbour({ family, link: 0, state: 0, flags: 0, type: 0, settings: {} });
  return connection.dump({ step, type: RTM_GETNEIGH, body }).map(decodeNeighbour);
}

/** Of all links. Throws NetlinkError. */
export function listNeighbours(connection: Rtnetlink, family: 4 | 6): Neighbour[] {
  return list(connection, `list the neighbours of IPv${family}`, numberOf(family));
}

/** What bridges and VXLANs know of hardware addresses. Throws NetlinkError. */
export function listForwarding(connection: Rtnetlink): Neighbour[] {
  return list(connection, 'list the forwarding tables', AF_BRIDGE);
}
