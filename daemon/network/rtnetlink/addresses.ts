/** Addresses of network devices: RTM_NEWADDR, RTM_GETADDR; struct ifaddrmsg of rtnetlink(7). */
import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  MalformedMessage,
  readU32,
  u32,
  viewOf,
  type Attribute,
} from './attributes.ts';
import type { Rtnetlink } from './connection.ts';
import { FLAG } from './messages.ts';

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
/** u8 family, u8 length of the prefix, u8 flags, u8 scope, u32 index of the link. */
const HEADER_SIZE = 8;

/** include/uapi/linux/if_addr.h. */
export const IFA = { address: 1, local: 2, label: 3, broadcast: 4, flags: 8, priority: 9, protocol: 11 } as const;
export const ADDRESS_FLAG = {
  noDuplicateDetection: 0x02,
  optimistic: 0x04,
  duplicate: 0x08,
  homeAddress: 0x10,
  tentative: 0x40,
  permanent: 0x80,
  manageTemporary: 0x100,
  noPrefixRoute: 0x200,
  multicastAutoJoin: 0x400,
} as const;
/** RT_SCOPE_UNIVERSE: reachable from anywhere. */
export const SCOPE_GLOBAL = 0;

export interface Address {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly prefixLength: number;
  /** ADDRESS_FLAG. */
  readonly flags: number;
  readonly scope: number;
  /** Index of its link. */
  readonly link: number;
  /** IFA but for the flags. */
  readonly attributes: readonly Attribute[];
}

export function encodeAddress({ family, prefixLength, flags, scope, link, attributes }: Address): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt8(family, 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt8(flags & 0xff, 2);
  header.writeUInt8(scope, 3);
  header.writeUInt32LE(link, 4);
  // More flags than a byte holds; where both are given, these count.
  return Buffer.concat([header, encodeAttributes([...attributes, { type: IFA.flags, value: u32(flags) }])]);
}

/** Throws MalformedMessage. */
export function decodeAddress(body: Uint8Array): Address {
  if (body.length < HEADER_SIZE) throw new MalformedMessage(`an address of ${body.length} bytes`);
  const view = viewOf(body);
  const attributes = decodeAttributes(body.subarray(HEADER_SIZE));
  const flags = attribute(attributes, IFA.flags);
  return {
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    flags: flags === undefined ? view.getUint8(2) : readU32(flags),
    scope: view.getUint8(3),
    link: view.getUint32(4, true),
    attributes: attributes.filter(({ type }) => type !== IFA.flags),
  };
}

/** Those of a link, in the kernel's order: a primary address before its secondary ones. Throws NetlinkError. */
export function listAddresses(connection: Rtnetlink, link: { index: number; name: string }): Address[] {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(link.index, 4);
  const request = { step: `list the addresses of ${link.name}`, type: RTM_GETADDR, body: header };
  return connection
    .dump(request)
    .map(decodeAddress)
    .filter((address) => address.link === link.index);
}

/** Throws NetlinkError. */
export function addAddress(connection: Rtnetlink, address: Address): void {
  const request = { step: 'add an address', type: RTM_NEWADDR, body: encodeAddress(address) };
  connection.change(request, FLAG.create | FLAG.exclusive);
}
