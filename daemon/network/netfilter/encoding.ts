/**
 * Attributes of nfnetlink. They are those of rtnetlink (rtnetlink/attributes.ts) but nest deeply, say that they nest
 * (NLA_F_NESTED, include/uapi/linux/netlink.h), and have their numbers in network byte order.
 */
import { aligned, MalformedMessage, viewOf } from '../rtnetlink/attributes.ts';

/** An attribute to be sent. */
export interface Node {
  /** 1 to 16,383. */
  readonly type: number;
  readonly value: Uint8Array | readonly Node[];
}

const HEADER_SIZE = 4;
const NESTED = 0x8000;
const HIGHEST_TYPE = 0x3fff;
/** An attribute's length is 16 bits, header included. */
const LONGEST_ATTRIBUTE = 0xffff;

/** Of an attribute with its header and padding. */
export function sizeOfNode({ value }: Node): number {
  return HEADER_SIZE + (value instanceof Uint8Array ? aligned(value.length) : sizeOfNodes(value));
}

export function sizeOfNodes(nodes: readonly Node[]): number {
  let size = 0;
  for (const node of nodes) size += sizeOfNode(node);
  return size;
}

/**
 * Writes to `bytes`, which is zeroed and has sizeOfNodes(nodes) bytes from `at` on; gives where it ended. Throws
 * RangeError for an attribute of more than 65,535 bytes or a type beyond 14 bits.
 */
export function writeNodes(bytes: Buffer, at: number, nodes: readonly Node[]): number {
  let end = at;
  for (const { type, value } of nodes) {
    if (type < 0 || type > HIGHEST_TYPE) throw new RangeError(`netfilter attribute ${type}`);
    const start = end;
    const isPlain = value instanceof Uint8Array;
    if (isPlain) bytes.set(value, start + HEADER_SIZE);
    end = isPlain ? start + HEADER_SIZE + value.length : writeNodes(bytes, start + HEADER_SIZE, value);
    if (end - start > LONGEST_ATTRIBUTE) throw new RangeError(`a netfilter attribute of ${end - start} bytes`);
    bytes.writeUInt16LE(end - start, start);
    bytes.writeUInt16LE(isPlain ? type : type | NESTED, start + 2);
    end = start + aligned(end - start);
  }
  return end;
}

export function encodeNodes(nodes: readonly Node[]): Buffer {
  const bytes = Buffer.alloc(sizeOfNodes(nodes));
  writeNodes(bytes, 0, nodes);
  return bytes;
}

export function byte(value: number): Uint8Array {
  return Uint8Array.of(value);
}

/** Two bytes, network byte order. */
export function be16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value);
  return bytes;
}

/** Four bytes, network byte order; negative numbers as their two's complement. */
export function be32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value >>> 0);
  return bytes;
}

/** Eight bytes, network byte order. */
export function be64(value: bigint | number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Throws MalformedMessage. */
export function readBe16(value: Uint8Array): number {
  return sized(value, 2).getUint16(0);
}

/** Unsigned. Throws MalformedMessage. */
export function readBe32(value: Uint8Array): number {
  return sized(value, 4).getUint32(0);
}

/** Throws MalformedMessage. */
export function readBe64(value: Uint8Array): bigint {
  return sized(value, 8).getBigUint64(0);
}

function sized(value: Uint8Array, size: number): DataView {
  if (value.length < size) throw new MalformedMessage(`a number of ${value.length} bytes`);
  return viewOf(value);
}
