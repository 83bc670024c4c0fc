/**
 * The header block of 512 bytes: POSIX.1-1988 ustar (pax, "ustar Interchange Format"), its GNU form (tar.h of GNU tar:
 * old_gnu_header) and that of Unix V7. Where readers differ this one follows Go's archive/tar, which the field unpacks
 * images with, or refuses.
 */
import { malformed } from './malformed.ts';

export const BLOCK = 512;

const CHECKSUM = { start: 148, end: 156 } as const;
const SPACE = 0x20;

export interface TarHeader {
  readonly type: string;
  readonly name: string;
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds. */
  readonly modified: number;
  readonly major: number;
  readonly minor: number;
}

/** Up to the first NUL, one character a byte. */
function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end === -1 || end > start + length ? start + length : end);
}

/** Base 256 of GNU: the first bit is set, the second is the sign, all others are the number in two's complement. */
function binaryNumber(block: Buffer, start: number, length: number, field: string): number {
  const first = block[start] ?? 0;
  let value = BigInt(first & 0x3f) - BigInt(first & 0x40);
  for (let at = start + 1; at < start + length; at++) value = (value << 8n) | BigInt(block[at] ?? 0);
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw malformed(`${field} is out of range`);
  return result;
}

/** Octal digits, with NULs and spaces around them; nothing at all is 0. */
export function numberField(block: Buffer, start: number, length: number, field: string): number {
  if (((block[start] ?? 0) & 0x80) !== 0) return binaryNumber(block, start, length, field);
  let at = start;
  let end = start + length;
  while (at < end && (block[at] === 0 || block[at] === SPACE)) at++;
  while (end > at && (block[end - 1] === 0 || block[end - 1] === SPACE)) end--;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    // Further fields may lie behind a NUL.
    if (digit === -0x30) break;
    if (digit < 0 || digit > 7) throw malformed(`${field} is not a number`);
    value = value * 8 + digit;
  }
  return value;
}

/** Of unsigned bytes, and of signed ones as some old writers made it. */
function checkSum(block: Buffer): void {
  let unsigned = (CHECKSUM.end - CHECKSUM.start) * SPACE;
  let above = 0;
  for (let at = 0; at < BLOCK; at++) {
    if (at === CHECKSUM.start) at = CHECKSUM.end;
    const byte = block[at] ?? 0;
    unsigned += byte;
    if (byte > 0x7f) above++;
  }
  const said = numberField(block, CHECKSUM.start, CHECKSUM.end - CHECKSUM.start, 'the checksum of a header');
  if (said !== unsigned && said !== unsigned - above * 0x100) throw malformed('the checksum of a header is wrong');
}

/** The directories before the name, for the formats that have room for them. */
function prefixLength(block: Buffer, magic: string): number {
  if (magic !== 'ustar\0') return 0;
  // The format of star: times lie behind a shorter prefix.
  return block.toString('latin1', 508, 512) === 'tar\0' ? 131 : 155;
}

/** Throws ImageError layer_invalid. */
export function decodeHeader(block: Buffer): TarHeader {
  checkSum(block);
  const magic = block.toString('latin1', 257, 263);
  const named = magic === 'ustar\0' || magic === 'ustar ';
  const prefix = text(block, 345, prefixLength(block, magic));
  const name = text(block, 0, 100);
  const size = numberField(block, 124, 12, 'a size');
  if (size < 0) throw malformed('a size is negative');
  return {
    type: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    target: text(block, 157, 100),
    mode: numberField(block, 100, 8, 'a mode') & 0o7777,
    uid: numberField(block, 108, 8, 'an owner'),
    gid: numberField(block, 116, 8, 'a group'),
    size,
    modified: numberField(block, 136, 12, 'a time'),
    major: named ? numberField(block, 329, 8, 'a device number') : 0,
    minor: named ? numberField(block, 337, 8, 'a device number') : 0,
  };
}
