/**
 * Attributes by name: one table a message or a kind of link, from which what is written and what is read both come.
 * What a table does not name is passed over when read.
 */
import { bitsOf, bytesOf, type Address } from '../address.ts';
import {
  be16,
  decodeAttributes,
  encodeAttributes,
  MalformedMessage,
  readAddress,
  readBe16,
  readText,
  readU16,
  readU32,
  readU8,
  text,
  u16,
  u32,
  u8,
  viewOf,
  type Attribute,
} from './attributes.ts';

/** Throws RangeError where a value cannot be written, MalformedMessage where bytes cannot be read. */
export interface Codec<T> {
  readonly write: (value: T) => Uint8Array;
  readonly read: (bytes: Uint8Array) => T;
  readonly isNested?: true;
}

export interface Field<T> extends Codec<T> {
  /** Of the attribute. */
  readonly type: number;
}

/** Values of any type: what is written is checked by the type of the table's values. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Fields = Readonly<Record<string, Field<any>>>;

/** What a table reads: all of it may be missing. */
export type Values<T extends Fields> = { readonly [K in keyof T]?: T[K] extends Field<infer V> ? V : never };

export function field<T>(type: number, codec: Codec<T>): Field<T> {
  return { ...codec, type };
}

export function encodeFields<T extends Fields>(table: T, values: Values<T>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const known = table[key];
    if (known === undefined || value === undefined) return [];
    const written = { type: known.type, value: known.write(value) };
    return [known.isNested === true ? { ...written, isNested: true } : written];
  });
}

/** Throws MalformedMessage. */
export function decodeFields<T extends Fields>(table: T, attributes: readonly Attribute[]): Values<T> {
  const last = new Map(attributes.map(({ type, value }) => [type, value]));
  const found = Object.entries(table).flatMap(([key, { type, read }]): [string, unknown][] => {
    const bytes = last.get(type);
    return bytes === undefined ? [] : [[key, read(bytes)]];
  });
  return Object.fromEntries(found) as Values<T>;
}

/** Numbers that do not fit their attribute would be another number to the kernel. */
function whole(bits: number, write: (value: number) => Uint8Array): (value: number) => Uint8Array {
  return (value) => {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) throw new RangeError(`${value} in ${bits} bits`);
    return write(value);
  };
}

export const U8: Codec<number> = { write: whole(8, u8), read: readU8 };
export const U16: Codec<number> = { write: whole(16, u16), read: readU16 };
export const U32: Codec<number> = { write: whole(32, u32), read: readU32 };
/** In network byte order. */
export const BE16: Codec<number> = { write: whole(16, be16), read: readBe16 };
export const U64: Codec<bigint> = {
  write: (value) => {
    if (value < 0n || value >= 1n << 64n) throw new RangeError(`${String(value)} in 64 bits`);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  },
  read: (bytes) => {
    if (bytes.length < 8) throw new MalformedMessage(`a number of ${bytes.length} bytes`);
    return viewOf(bytes).getBigUint64(0, true);
  },
};
export const S32: Codec<number> = {
  write: (value) => {
    if ((value | 0) !== value) throw new RangeError(`${value} in 32 bits with a sign`);
    return u32(value >>> 0);
  },
  read: (bytes) => readU32(bytes) | 0,
};
export const BOOLEAN: Codec<boolean> = { write: (value) => u8(value ? 1 : 0), read: (bytes) => readU8(bytes) !== 0 };
/** Two numbers of which the first is not the greater: struct fib_rule_port_range, struct fib_rule_uid_range. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

function range({ write, read }: Codec<number>, size: number): Codec<Range> {
  return {
    write: ({ from, to }) => Buffer.concat([write(from), write(to)]),
    read: (bytes) => ({ from: read(bytes), to: read(bytes.subarray(size)) }),
  };
}

export const U16_RANGE = range(U16, 2);
export const U32_RANGE = range(U32, 4);
/** In network byte order: struct ifla_vxlan_port_range. */
export const BE16_RANGE = range(BE16, 2);

/** There or not there, without a value; `false` cannot be written. */
export const PRESENT: Codec<true> = { write: () => new Uint8Array(0), read: () => true };
export const BYTES: Codec<Uint8Array> = { write: (value) => value, read: (bytes) => bytes };
/** Ends at the first NUL: none may be in it. */
export const TEXT: Codec<string> = {
  write: (value) => {
    if (value.includes('\0')) throw new RangeError('a NUL in a text');
    return text(value);
  },
  read: readText,
};

/** An address of either family. */
export const ADDRESS: Codec<Address> = { write: bytesOf, read: readAddress };

/** An address of one family. */
export function addressOf(family: 4 | 6): Codec<Address> {
  const check = (address: Address): Address => {
    if (address.family !== family) throw new RangeError(`an address of IPv${address.family} where IPv${family} stands`);
    return address;
  };
  return {
    write: (address) => bytesOf(check(address)),
    read: (bytes) => {
      if (bytes.length * 8 !== bitsOf(family)) throw new MalformedMessage(`an address of ${bytes.length} bytes`);
      return readAddress(bytes);
    },
  };
}

/** A hardware address, "02:42:0a:01:02:03"; lower case. Of any length: not every link is Ethernet. */
export const MAC: Codec<string> = {
  write: (value) => {
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value))
      throw new RangeError(`${JSON.stringify(value)} is no hardware address`);
    return Buffer.from(value.replaceAll(':', ''), 'hex');
  },
  read: (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
};

/** Attributes as they are, within one. */
export const ATTRIBUTES: Codec<readonly Attribute[]> = {
  write: encodeAttributes,
  read: decodeAttributes,
  isNested: true,
};

/** The values of another table, within one attribute. */
export function within<T extends Fields>(table: T): Codec<Values<T>> {
  return {
    write: (values) => encodeAttributes(encodeFields(table, values)),
    read: (bytes) => decodeFields(table, decodeAttributes(bytes)),
    isNested: true,
  };
}

/** An array in one attribute: as many attributes, numbered from `first` on or all of that type where `isSame`. */
export function listOf<T>(codec: Codec<T>, { first, isSame }: { first: number; isSame: boolean }): Codec<readonly T[]> {
  return {
    write: (values) =>
      encodeAttributes(
        values.map((value, index) => {
          const written = { type: isSame ? first : first + index, value: codec.write(value) };
          return codec.isNested === true ? { ...written, isNested: true } : written;
        }),
      ),
    read: (bytes) => decodeAttributes(bytes).map(({ value }) => codec.read(value)),
    isNested: true,
  };
}
