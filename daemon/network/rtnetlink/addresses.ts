/** Addresses of network devices: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR; struct ifaddrmsg of rtnetlink(7). */
import { formatAddress, lastOf, parseCidr, prefixOf, type Address } from '../address.ts';
import {
  addressAttribute,
  attribute,
  decodeAttributes,
  encodeAttributes,
  MalformedMessage,
  readAddress,
  readU32,
  u32,
  viewOf,
  type Attribute,
} from './attributes.ts';
import type { Change, Rtnetlink } from './connection.ts';
import { familyOf, numberOf } from './families.ts';
import { FLAG } from './messages.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
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

export interface LinkAddress {
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

export function encodeAddress({ family, prefixLength, flags, scope, link, attributes }: LinkAddress): Buffer {
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
export function decodeAddress(body: Uint8Array): LinkAddress {
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

/** The address alone; undefined where it is of another family or of none. Throws MalformedMessage. */
export function valueOf({ attributes }: LinkAddress): Address | undefined {
  // Of a link from point to point IFA_ADDRESS is the other end's.
  const value = attribute(attributes, IFA.local) ?? attribute(attributes, IFA.address);
  return value === undefined ? undefined : readAddress(value);
}

/** As text, such as "10.1.2.3/24"; undefined where valueOf is. */
export function cidrOf(address: LinkAddress): string | undefined {
  const value = familyOf(address.family) === undefined ? undefined : valueOf(address);
  return value && `${formatAddress(value)}/${address.prefixLength}`;
}

/**
 * The address `cidr` of global scope for the link of the index `link`. IPv6 can be used at once: nobody is asked
 * whether it is taken. Throws RangeError where it is no address.
 */
export function globalAddress(link: number, cidr: string): LinkAddress {
  const parsed = parseCidr(cidr);
  if (parsed === undefined) throw new RangeError(`${JSON.stringify(cidr)} is no address with a prefix length`);
  const { address, prefix } = parsed;
  const attributes = [addressAttribute(IFA.local, address), addressAttribute(IFA.address, address)];
  // Prefixes of two addresses or one have none, RFC 3021.
  if (address.family === 4 && prefix.length < 31) {
    attributes.push(addressAttribute(IFA.broadcast, lastOf(prefixOf(address, prefix.length))));
  }
  return {
    family: numberOf(address.family),
    prefixLength: prefix.length,
    flags: address.family === 6 ? ADDRESS_FLAG.noDuplicateDetection : 0,
    scope: SCOPE_GLOBAL,
    link,
    attributes,
  };
}

/** Gives a link an address that it must not have. */
export function newAddress(address: LinkAddress): Change {
  const step = `add the address ${cidrOf(address) ?? ''}`;
  return { step, type: RTM_NEWADDR, body: encodeAddress(address), flags: FLAG.create | FLAG.exclusive };
}

export function deleteAddress(address: LinkAddress): Change {
  return { step: `remove the address ${cidrOf(address) ?? ''}`, type: RTM_DELADDR, body: encodeAddress(address) };
}

/** Those of all links, in the kernel's order: a primary address before its secondary ones. Throws NetlinkError. */
export function listAllAddresses(connection: Rtnetlink): LinkAddress[] {
  const request = { step: 'list the addresses', type: RTM_GETADDR, body: Buffer.alloc(HEADER_SIZE) };
  return connection.dump(request).map(decodeAddress);
}

/** Those of a link, in the kernel's order. Throws NetlinkError. */
export function listAddresses(connection: Rtnetlink, link: { index: number; name: string }): LinkAddress[] {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(link.index, 4);
  const request = { step: `list the addresses of ${link.name}`, type: RTM_GETADDR, body: header };
  return connection
    .dump(request)
    .map(decodeAddress)
    .filter((address) => address.link === link.index);
}

/** Throws NetlinkError. */
export function addAddress(connection: Rtnetlink, address: LinkAddress): void {
  connection.batch([newAddress(address)]);
}
