/**
 * The types of what is compared, looked up and mapped: their bytes in a register or an element, and the number by which
 * nft(8) shows them (enum datatypes of nftables, include/datatype.h; the kernel keeps it and does not look at it).
 */
import { isIPv4 } from 'node:net';
import { addressOfBytes, bytesOf, formatAddress, parseAddress } from '../../address.ts';
import { aligned, MalformedMessage, viewOf } from '../../rtnetlink/attributes.ts';

/** Addresses and names as text, numbers or their names for the rest. */
export type Value = string | number;

interface Kind {
  readonly number: number;
  /** Bytes. */
  readonly size: number;
  /** Whether its bytes are in the host's order. */
  readonly isHostOrder: boolean;
  /** Writes its `size` bytes to `bytes`, which is zeroed, from `at` on: without an array of its own, as there may be thousands. */
  write(value: Value, bytes: Uint8Array, at: number): void;
  decode(bytes: Uint8Array): Value;
}

/** Bits of the host's order by their names. */
export const CT_STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
/** enum ip_conntrack_status, include/uapi/linux/netfilter/nf_conntrack_common.h. */
export const CT_STATUS = {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  dying: 512,
} as const;
/** IPPROTO_*. */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
/** RTN_*, include/uapi/linux/rtnetlink.h. */
const ADDRESS_TYPE = { unspec: 0, unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5, blackhole: 6 } as const;
/** NFPROTO_* of a packet. */
const PACKET_FAMILY = { ipv4: 2, ipv6: 10 } as const;
const DIRECTION = { original: 0, reply: 1 } as const;
const INTERFACE_NAME_SIZE = 16;

type Names = Readonly<Record<string, number>>;

function unknown(what: string, value: Value): never {
  throw new RangeError(`not ${what}: ${JSON.stringify(value)}`);
}

function integer(number: number, size: 1 | 2 | 4, isHostOrder: boolean, names: Names = {}): Kind {
  return {
    number,
    size,
    isHostOrder,
    write: (value, bytes, at) => {
      const plain = typeof value === 'number' ? value : names[value];
      if (plain === undefined || !Number.isInteger(plain) || plain < 0 || plain >= 2 ** (8 * size)) {
        unknown(`a number of ${size} bytes`, value);
      }
      for (let index = 0, rest = plain; index < size; index++, rest = Math.floor(rest / 256)) {
        bytes[at + (isHostOrder ? index : size - 1 - index)] = rest % 256;
      }
    },
    decode: (bytes) => {
      const view = viewOf(bytes);
      const plain =
        size === 1 ? view.getUint8(0) : size === 2 ? view.getUint16(0, isHostOrder) : view.getUint32(0, isHostOrder);
      return Object.keys(names).find((name) => names[name] === plain) ?? plain;
    },
  };
}

/** A dotted quad. */
function writeQuad(text: string, bytes: Uint8Array, at: number): void {
  let to = at;
  let digits = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x30 && code <= 0x39) {
      digits = digits * 10 + code - 0x30;
    } else {
      bytes[to++] = digits;
      digits = 0;
    }
  }
}

function address(number: number, family: 4 | 6): Kind {
  return {
    number,
    size: family === 4 ? 4 : 16,
    isHostOrder: false,
    write: (value, bytes, at) => {
      if (family === 4 && typeof value === 'string' && isIPv4(value)) {
        writeQuad(value, bytes, at);
        return;
      }
      const parsed = typeof value === 'string' ? parseAddress(value) : undefined;
      if (parsed?.family !== family) unknown(`an IPv${family} address`, value);
      bytes.set(bytesOf(parsed), at);
    },
    decode: (bytes) => formatAddress(addressOfBytes(bytes)),
  };
}

const INTERFACE_NAME: Kind = {
  number: 41,
  size: INTERFACE_NAME_SIZE,
  isHostOrder: true,
  write: (value, bytes, at) => {
    const text = Buffer.from(String(value));
    if (typeof value !== 'string' || text.length === 0 || text.length >= INTERFACE_NAME_SIZE || text.includes(0)) {
      unknown('the name of an interface, 1 to 15 bytes', value);
    }
    bytes.set(text, at);
  },
  decode: (bytes) => {
    const end = bytes.indexOf(0);
    return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
  },
};

const KINDS = {
  nf_proto: integer(2, 1, false, PACKET_FAMILY),
  ipv4_addr: address(7, 4),
  ipv6_addr: address(8, 6),
  inet_proto: integer(12, 1, false, PROTOCOL),
  inet_service: integer(13, 2, false),
  mark: integer(19, 4, true),
  iface_index: integer(20, 4, true),
  ct_state: integer(26, 4, true, CT_STATE),
  ct_dir: integer(27, 1, false, DIRECTION),
  ct_status: integer(28, 4, true, CT_STATUS),
  fib_addrtype: integer(38, 4, true, ADDRESS_TYPE),
  ifname: INTERFACE_NAME,
} as const satisfies Record<string, Kind>;

/** As nft(8) calls them. */
export type ValueType = keyof typeof KINDS;

export const kindOf = (type: ValueType): Omit<Kind, 'write' | 'decode'> => KINDS[type];

const FIELD_BITS = 6;

/** Of a set's key or data: six bits a field (TYPE_BITS of nftables). */
export function typeNumber(types: readonly ValueType[]): number {
  return types.reduce((number, type) => (number << FIELD_BITS) | KINDS[type].number, 0);
}

/** The reverse of typeNumber; undefined where one of them is none of ours. */
export function typesOfNumber(number: number): ValueType[] | undefined {
  const types: ValueType[] = [];
  for (let rest = number; rest > 0; rest >>>= FIELD_BITS) {
    const found = (Object.keys(KINDS) as ValueType[]).find((type) => KINDS[type].number === rest % 2 ** FIELD_BITS);
    if (found === undefined) return undefined;
    types.unshift(found);
  }
  return types;
}

/** Bytes of a key or data of these fields: one field as it is, several padded to registers of four bytes each. */
export function sizeOf(types: readonly ValueType[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return KINDS[only].size;
  return types.reduce((size, type) => size + aligned(KINDS[type].size), 0);
}

/** Registers of four bytes that they take. */
export const registersOf = (types: readonly ValueType[]): number => aligned(sizeOf(types)) / 4;

/** As many values as types. Throws RangeError, also for a value that its type does not have. */
export function encodeValues(types: readonly ValueType[], values: readonly Value[]): Uint8Array {
  if (types.length !== values.length || types.length === 0) {
    throw new RangeError(`${values.length} values where ${types.join(' . ')} is asked for`);
  }
  const bytes = new Uint8Array(sizeOf(types));
  let at = 0;
  for (const [index, field] of types.entries()) {
    const kind = KINDS[field];
    kind.write(values[index] ?? '', bytes, at);
    at += aligned(kind.size);
  }
  return bytes;
}

/** Throws MalformedMessage for other bytes than these types have. */
export function decodeValues(types: readonly ValueType[], bytes: Uint8Array): Value[] {
  if (bytes.length !== sizeOf(types)) {
    throw new MalformedMessage(`${types.join(' . ')} of ${bytes.length} bytes`);
  }
  let at = 0;
  return types.map((type) => {
    const kind = KINDS[type];
    const value = kind.decode(bytes.subarray(at, at + kind.size));
    at += aligned(kind.size);
    return value;
  });
}
