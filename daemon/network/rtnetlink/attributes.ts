/**
 * Attributes of netlink messages, struct rtattr of rtnetlink(7): u16 length (header included), u16 type, value, padding
 * to four bytes. Numbers are in the host's byte order, which on every machine of ours is little-endian.
 */

import { addressOfBytes, bytesOf, type Address } from '../address.ts';

/** Bytes that are no netlink message; from the kernel they would mean that it speaks another protocol. */
export class MalformedMessage extends Error {
  override name = 'MalformedMessage';
}

export interface Attribute {
  /** Without the flags for "nested" and "network byte order". */
  readonly type: number;
  readonly value: Uint8Array;
  /** Where written: sets the flag for "nested", which newer parts of the kernel insist on. Not there when read. */
  readonly isNested?: true;
}

const HEADER_SIZE = 4;
const TYPE_MASK = 0x3fff;
const NESTED = 0x8000;
const LONGEST = 0xffff;

export const aligned = (size: number): number => (size + 3) & ~3;

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Throws RangeError for a value beyond 65,531 bytes or a type beyond 14 bits. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(({ type, value, isNested }) => {
      const size = HEADER_SIZE + value.length;
      if (size > LONGEST) throw new RangeError(`a netlink attribute of ${size} bytes`);
      if (!Number.isInteger(type) || type < 0 || type > TYPE_MASK) throw new RangeError(`netlink attribute ${type}`);
      const bytes = Buffer.alloc(aligned(size));
      bytes.writeUInt16LE(size, 0);
      bytes.writeUInt16LE(isNested === true ? type | NESTED : type, 2);
      bytes.set(value, HEADER_SIZE);
      return bytes;
    }),
  );
}

/** In the order of `bytes`; a type may come several times. Throws MalformedMessage. */
export function decodeAttributes(bytes: Uint8Array): Attribute[] {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  let at = 0;
  while (at + HEADER_SIZE <= bytes.length) {
    const size = view.getUint16(at, true);
    if (size < HEADER_SIZE || at + size > bytes.length) {
      throw new MalformedMessage(`an attribute of ${size} bytes where ${bytes.length - at} are left`);
    }
    const type = view.getUint16(at + 2, true) & TYPE_MASK;
    attributes.push({ type, value: bytes.subarray(at + HEADER_SIZE, at + size) });
    at += aligned(size);
  }
  if (at < bytes.length) throw new MalformedMessage(`${bytes.length - at} bytes after the last attribute`);
  return attributes;
}

/** The value of the last attribute of a type, as the kernel takes it. */
export function attribute(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.findLast((candidate) => candidate.type === type)?.value;
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value, true);
  return bytes;
}

/** In network byte order. */
export function be16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value);
  return bytes;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
}

/** With a NUL at its end. */
export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

/** An attribute of attributes. Throws RangeError as encodeAttributes does. */
export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  return { type, value: encodeAttributes(attributes), isNested: true };
}

export function addressAttribute(type: number, address: Address): Attribute {
  return { type, value: bytesOf(address) };
}

/** Longer ones are read from their first bytes, as the kernel does. */
function sized(value: Uint8Array, size: number): DataView {
  if (value.length < size) throw new MalformedMessage(`a number of ${value.length} bytes`);
  return viewOf(value);
}

/** Throws MalformedMessage, as all of these. */
export function readU8(value: Uint8Array): number {
  return sized(value, 1).getUint8(0);
}

export function readU16(value: Uint8Array): number {
  return sized(value, 2).getUint16(0, true);
}

/** From network byte order. */
export function readBe16(value: Uint8Array): number {
  return sized(value, 2).getUint16(0);
}

export function readU32(value: Uint8Array): number {
  return sized(value, 4).getUint32(0, true);
}

export function readAddress(value: Uint8Array): Address {
  if (value.length !== 4 && value.length !== 16) throw new MalformedMessage(`an address of ${value.length} bytes`);
  return addressOfBytes(value);
}

/** Up to the first NUL. */
export function readText(value: Uint8Array): string {
  const end = value.indexOf(0);
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString();
}

/** What `read` makes of the attribute of a type; undefined where there is none. */
export function optional<T>(
  attributes: readonly Attribute[],
  type: number,
  read: (value: Uint8Array) => T,
): T | undefined {
  const value = attribute(attributes, type);
  return value === undefined ? undefined : read(value);
}

/** The attribute `type` where there is a value for it. */
export function given<T>(type: number, value: T | undefined, write: (value: T) => Uint8Array): Attribute[] {
  return value === undefined ? [] : [{ type, value: write(value) }];
}
