/**
 * IPv4 and IPv6 addresses and their prefixes, as text and as numbers. Text is canonical as RFC 5952 has it; an IPv4
 * address written inside an IPv6 one ("::ffff:1.2.3.4") is an IPv6 address.
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A range of addresses that share their first `length` bits; the bits of `value` after them are zero. */
export interface Prefix extends Address {
  readonly length: number;
}

export const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** undefined where it is no address. Zones ("fe80::1%eth0") are none. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: BigInt(`0x${hexOf(text)}`) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { family: 6, value: parseSix(text) };
}

/** The two bytes to a digit of a dotted quad. */
function hexOf(quad: string): string {
  return quad
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .join('');
}

function parseSix(text: string): bigint {
  const last = text.slice(text.lastIndexOf(':') + 1);
  const hex = last.includes('.') ? hexOf(last) : undefined;
  const plain = hex === undefined ? text : text.slice(0, -last.length) + `${hex.slice(0, 4)}:${hex.slice(4)}`;
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

/** undefined where it is no address with a prefix length that its family has. Bits after the prefix are kept apart. */
export function parseCidr(text: string): { readonly address: Address; readonly prefix: Prefix } | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  return length > bitsOf(address.family) ? undefined : { address, prefix: prefixOf(address, length) };
}

export function prefixOf({ family, value }: Address, length: number): Prefix {
  const rest = BigInt(bitsOf(family) - length);
  return { family, value: (value >> rest) << rest, length };
}

/** Of all its addresses. */
export function sizeOf({ family, length }: Prefix): bigint {
  return 1n << BigInt(bitsOf(family) - length);
}

/** The last one of it; in IPv4 the broadcast address. */
export function lastOf(prefix: Prefix): Address {
  return { family: prefix.family, value: prefix.value + sizeOf(prefix) - 1n };
}

export function contains(prefix: Prefix, address: Address): boolean {
  return address.family === prefix.family && prefixOf(address, prefix.length).value === prefix.value;
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? contains(a, b) : contains(b, a);
}

/** Canonical text. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  const zeros = longestZeros(groups);
  const words = groups.map((group) => group.toString(16));
  if (zeros.length < 2) return words.join(':');
  return `${words.slice(0, zeros.at).join(':')}::${words.slice(zeros.at + zeros.length).join(':')}`;
}

/** The first of the longest runs. */
function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let longest = { at: 0, length: 0 };
  let at = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) at = index + 1;
    else if (index + 1 - at > longest.length) longest = { at, length: index + 1 - at };
  }
  return longest;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** In network byte order: 4 or 16 bytes. */
export function bytesOf({ family, value }: Address): Buffer {
  return Buffer.from(value.toString(16).padStart(bitsOf(family) / 4, '0'), 'hex');
}

/** Throws RangeError for other sizes than 4 and 16. */
export function addressOfBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16) throw new RangeError(`an address of ${bytes.length} bytes`);
  return { family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`) };
}
