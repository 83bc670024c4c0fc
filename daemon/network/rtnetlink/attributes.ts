/**
 * Attributes of netlink messages, struct rtattr of rtnetlink(7): u16 length (header included), u16 type, value, padding
 * to four bytes. Numbers are in the host's byte order, which on every machine of ours is little-endian.
 */

/** Bytes that are no netlink message; from the kernel they would mean that it speaks another protocol. */
export class MalformedMessage extends Error {
  override name = 'MalformedMessage';
}

export interface Attribute {
  /** Without the flags for "nested" and "network byte order". */
  readonly type: number;
  readonly value: Uint8Array;
}

const HEADER_SIZE = 4;
const TYPE_MASK = 0x3fff;
const LONGEST = 0xffff;

export const aligned = (size: number): number => (size + 3) & ~3;

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Throws RangeError for a value beyond 65,531 bytes or a type beyond 14 bits. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(({ type, value }) => {
      const size = HEADER_SIZE + value.length;
      if (size > LONGEST) throw new RangeError(`a netlink attribute of ${size} bytes`);
      if (!Number.isInteger(type) || type < 0 || type > TYPE_MASK) throw new RangeError(`netlink attribute ${type}`);
      const bytes = Buffer.alloc(aligned(size));
      bytes.writeUInt16LE(size, 0);
      bytes.writeUInt16LE(type, 2);
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

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
}

/** With a NUL at its end. */
export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

/** Throws MalformedMessage. */
export function readU32(value: Uint8Array): number {
  if (value.length < 4) throw new MalformedMessage(`a number of ${value.length} bytes`);
  return viewOf(value).getUint32(0, true);
}

/** Up to the first NUL. */
export function readText(value: Uint8Array): string {
  const end = value.indexOf(0);
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString();
}
