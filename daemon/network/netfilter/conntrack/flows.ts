/**
 * Entries of connection tracking as ctnetlink tells them: include/uapi/linux/netfilter/nfnetlink_conntrack.h,
 * net/netfilter/nf_conntrack_netlink.c.
 */
import { bytesOf, formatAddress, parseAddress } from '../../address.ts';
import {
  attribute,
  decodeAttributes,
  MalformedMessage,
  optional,
  readAddress,
  readU8,
  u32,
  type Attribute,
} from '../../rtnetlink/attributes.ts';
import { be16, byte, readBe16, readBe32, type Node } from '../encoding.ts';
import { decodeBody } from '../nfnetlink.ts';

/** IPS_*, include/uapi/linux/netfilter/nf_conntrack_common.h: the source, or the destination, is translated. */
export const STATUS = { sourceNat: 1 << 4, destinationNat: 1 << 5 } as const;

/** One direction. */
export interface Tuple {
  /** Canonical text. */
  readonly source: string;
  readonly destination: string;
  /** IPPROTO_*. */
  readonly protocol: number;
  /** 0 for protocols without ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Flow {
  /** As the first packet was. */
  readonly original: Tuple;
  /** As answers to it come, before they are translated back. */
  readonly reply: Tuple;
  /** IPS_*. */
  readonly status: number;
  /** What names it to the kernel. */
  readonly identity: readonly Node[];
}

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;

/** Throws MalformedMessage. */
export function decodeFlow(body: Uint8Array): Flow {
  const { attributes } = decodeBody(body);
  const original = attribute(attributes, CTA_TUPLE_ORIG);
  const reply = attribute(attributes, CTA_TUPLE_REPLY);
  if (original === undefined || reply === undefined)
    throw new MalformedMessage('a tracked connection of one direction');
  return {
    original: decodeTuple(original),
    reply: decodeTuple(reply),
    status: optional(attributes, CTA_STATUS, readBe32) ?? 0,
    // With its id: another may have the same addresses by the time that it is deleted.
    identity: [CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID].flatMap((type) => {
      const value = attribute(attributes, type);
      return value === undefined ? [] : [{ type, value: type === CTA_TUPLE_ORIG ? again(value, 2) : value }];
    }),
  };
}

/** Attributes as they came, to be sent back; down to `depth` levels they are attributes of attributes. */
function again(bytes: Uint8Array, depth: number): Node[] {
  return decodeAttributes(bytes).map(({ type, value }) => ({
    type,
    // CTA_TUPLE_ZONE, of the outer level, is a number.
    value: depth > 1 && type !== 3 ? again(value, depth - 1) : value,
  }));
}

function decodeTuple(bytes: Uint8Array): Tuple {
  const attributes = decodeAttributes(bytes);
  const ip = optional(attributes, 1, decodeAttributes) ?? []; // CTA_TUPLE_IP
  const protocol = optional(attributes, 2, decodeAttributes) ?? []; // CTA_TUPLE_PROTO
  return {
    source: addressOf(ip, 1, 3), // CTA_IP_V4_SRC, CTA_IP_V6_SRC
    destination: addressOf(ip, 2, 4), // CTA_IP_V4_DST, CTA_IP_V6_DST
    protocol: optional(protocol, 1, readU8) ?? 0, // CTA_PROTO_NUM
    sourcePort: optional(protocol, 2, readBe16) ?? 0, // CTA_PROTO_SRC_PORT
    destinationPort: optional(protocol, 3, readBe16) ?? 0, // CTA_PROTO_DST_PORT
  };
}

function addressOf(attributes: readonly Attribute[], four: number, six: number): string {
  const address = optional(attributes, four, readAddress) ?? optional(attributes, six, readAddress);
  if (address === undefined) throw new MalformedMessage('a tracked connection without an address');
  return formatAddress(address);
}

/** What is asked of one direction. */
export interface FlowFilter {
  readonly direction: 'original' | 'reply';
  /** Canonical text. */
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  readonly protocol?: number | undefined;
  /** Only together with `protocol`. */
  readonly destinationPort?: number | undefined;
}

export function satisfies(flow: Flow, filter: FlowFilter): boolean {
  const tuple = flow[filter.direction];
  return (['source', 'destination', 'protocol', 'destinationPort'] as const).every(
    (key) => filter[key] === undefined || filter[key] === tuple[key],
  );
}

/** CTA_FILTER_F_* of net/netfilter/nf_internals.h. */
const FILTER = { source: 1 << 0, destination: 1 << 1, protocol: 1 << 3, destinationPort: 1 << 5 } as const;

/**
 * Attributes of a dump that tells these (Linux 5.8), and for IPv6 others too: the kernel takes IPv6 addresses that differ
 * from the filter's for equal and the equal ones for different (ctnetlink_filter_match_tuple), so that it is given none.
 * Throws RangeError for an address that is none.
 */
export function encodeFilter({ direction, source, destination, protocol, destinationPort }: FlowFilter): Node[] {
  const ip: Node[] = [];
  const proto: Node[] = [];
  let flags = 0;
  const ask = (nodes: Node[], type: number, value: Uint8Array | undefined, flag: number): void => {
    if (value === undefined) return;
    nodes.push({ type, value });
    flags |= flag;
  };
  ask(ip, 1, fourBytes(source), FILTER.source); // CTA_IP_V4_SRC
  ask(ip, 2, fourBytes(destination), FILTER.destination); // CTA_IP_V4_DST
  ask(proto, 1, protocol === undefined ? undefined : byte(protocol), FILTER.protocol); // CTA_PROTO_NUM
  const port = destinationPort === undefined ? undefined : be16(destinationPort);
  ask(proto, 3, port, FILTER.destinationPort); // CTA_PROTO_DST_PORT
  if (flags === 0) return [];
  const isOriginal = direction === 'original';
  const tuple: Node[] = [];
  if (ip.length > 0) tuple.push({ type: 1, value: ip }); // CTA_TUPLE_IP
  if (proto.length > 0) tuple.push({ type: 2, value: proto }); // CTA_TUPLE_PROTO
  return [
    { type: isOriginal ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, value: tuple },
    // CTA_FILTER_ORIG_FLAGS, CTA_FILTER_REPLY_FLAGS: in the host's byte order.
    { type: CTA_FILTER, value: [{ type: isOriginal ? 1 : 2, value: u32(flags) }] },
  ];
}

function fourBytes(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`not an address: ${JSON.stringify(text)}`);
  return address.family === 4 ? bytesOf(address) : undefined;
}
