/** What all of netfilter's netlink has in common: include/uapi/linux/netfilter/nfnetlink.h, net/netfilter/nfnetlink.c. */
import { aligned, decodeAttributes, MalformedMessage, type Attribute } from '../rtnetlink/attributes.ts';
import { sizeOfNodes, writeNodes, type Node } from './encoding.ts';

/** Netlink protocol of netfilter, include/uapi/linux/netlink.h. */
export const NETLINK_NETFILTER = 12;

/** NFNL_SUBSYS_*. */
export const SUBSYSTEM = { conntrack: 1, nftables: 10 } as const;
/** NFNL_MSG_BATCH_*. */
export const BATCH = { begin: 16, end: 17 } as const;

const MESSAGE_HEADER_SIZE = 16;
/** struct nfgenmsg: u8 family, u8 version, be16 resource. */
const HEADER_SIZE = 4;

export interface NetfilterMessage {
  /** Subsystem << 8 | operation. */
  readonly type: number;
  readonly flags: number;
  /** NFPROTO_*. */
  readonly family: number;
  /** Of a batch, its subsystem. */
  readonly resource?: number;
  readonly attributes: readonly Node[];
}

/** The type of a message of a subsystem. */
export const typeOf = (subsystem: number, operation: number): number => (subsystem << 8) | operation;

/** Where a message's attributes begin, from its start on. */
export const ATTRIBUTES_AT = MESSAGE_HEADER_SIZE + HEADER_SIZE;

/** What comes after the header of a netlink message. */
export function encodeBody(family: number, attributes: readonly Node[]): Buffer {
  const bytes = Buffer.alloc(HEADER_SIZE + sizeOfNodes(attributes));
  bytes.writeUInt8(family, 0);
  writeNodes(bytes, HEADER_SIZE, attributes);
  return bytes;
}

export interface NetfilterBody {
  readonly family: number;
  readonly resource: number;
  readonly attributes: readonly Attribute[];
}

/** Throws MalformedMessage. */
export function decodeBody(body: Uint8Array): NetfilterBody {
  if (body.length < HEADER_SIZE) throw new MalformedMessage(`a netfilter message of ${body.length} bytes`);
  const [family = 0, , high = 0, low = 0] = body;
  return { family, resource: (high << 8) | low, attributes: decodeAttributes(body.subarray(HEADER_SIZE)) };
}

/**
 * Messages of one datagram; their sequence numbers go up by one from `sequence` on. Throws RangeError for an attribute that
 * is too long.
 */
export function encodeDatagram(messages: readonly NetfilterMessage[], sequence: number): Buffer {
  const sizes = messages.map(({ attributes }) => MESSAGE_HEADER_SIZE + HEADER_SIZE + sizeOfNodes(attributes));
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + aligned(size), 0));
  let at = 0;
  for (const [index, { type, flags, family, resource = 0, attributes }] of messages.entries()) {
    const size = sizes[index] ?? 0;
    bytes.writeUInt32LE(size, at);
    bytes.writeUInt16LE(type, at + 4);
    bytes.writeUInt16LE(flags, at + 6);
    bytes.writeUInt32LE((sequence + index) >>> 0, at + 8);
    bytes.writeUInt8(family, at + MESSAGE_HEADER_SIZE);
    bytes.writeUInt16BE(resource, at + MESSAGE_HEADER_SIZE + 2);
    writeNodes(bytes, at + ATTRIBUTES_AT, attributes);
    at += aligned(size);
  }
  return bytes;
}
