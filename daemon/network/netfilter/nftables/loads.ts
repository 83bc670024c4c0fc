/**
 * What a rule looks at: expressions that put values into registers. Registers are of four bytes, NFT_REG32_00 (8) to
 * NFT_REG32_15 (23); a value of sixteen bytes takes four. A field of a concatenation begins a register of its own.
 */
import { byte, be32, type Node } from '../encoding.ts';
import { nameBytes } from './protocol.ts';
import { encodeValues, kindOf, registersOf, type Value, type ValueType } from './values.ts';
import { valueData } from './verdicts.ts';

export interface Expression {
  /** Of the kernel's struct nft_expr_type. */
  readonly name: string;
  readonly attributes: readonly Node[];
}

export interface Load {
  readonly types: readonly ValueType[];
  /** Puts it into `register` and those after it. */
  into(register: number): Expression[];
}

/** NFT_REG32_00. */
export const FIRST_REGISTER = 8;
const REGISTER_COUNT = 16;

/** NFT_META_* and the type of each. */
const META = {
  mark: [3, 'mark'],
  iif: [4, 'iface_index'],
  oif: [5, 'iface_index'],
  iifname: [6, 'ifname'],
  oifname: [7, 'ifname'],
  nfproto: [15, 'nf_proto'],
  l4proto: [16, 'inet_proto'],
} as const satisfies Record<string, readonly [number, ValueType]>;

export type MetaKey = keyof typeof META;
export const META_MARK = META.mark[0];

export function meta(key: MetaKey): Load {
  const [number, type] = META[key];
  // NFTA_META_DREG, NFTA_META_KEY
  return load([type], (register) => plain('meta', [1, register], [2, number]));
}

/** NFT_PAYLOAD_*_HEADER, offset and type. */
export const PAYLOAD = {
  'ip saddr': [1, 12, 'ipv4_addr'],
  'ip daddr': [1, 16, 'ipv4_addr'],
  'ip6 saddr': [1, 8, 'ipv6_addr'],
  'ip6 daddr': [1, 24, 'ipv6_addr'],
  'th sport': [2, 0, 'inet_service'],
  'th dport': [2, 2, 'inet_service'],
} as const satisfies Record<string, readonly [number, number, ValueType]>;

export type PayloadKey = keyof typeof PAYLOAD;

/**
 * Bytes of the packet. In a table of the family inet nothing makes sure that they are what their name says: a rule that
 * looks at "ip …" is to say `is(meta('nfproto'), 'ipv4')` before, one that looks at "th …" to look at l4proto.
 */
export function payload(key: PayloadKey): Load {
  const [base, offset, type] = PAYLOAD[key];
  // NFTA_PAYLOAD_DREG, _BASE, _OFFSET, _LEN
  return load([type], (register) => plain('payload', [1, register], [2, base], [3, offset], [4, kindOf(type).size]));
}

/** NFT_CT_* and the type of each. */
const CT = {
  state: [0, 'ct_state'],
  direction: [1, 'ct_dir'],
  status: [2, 'ct_status'],
  mark: [3, 'mark'],
} as const satisfies Record<string, readonly [number, ValueType]>;
const CT_TUPLE = {
  l3proto: [7, 'nf_proto'],
  protocol: [10, 'inet_proto'],
  'proto-src': [11, 'inet_service'],
  'proto-dst': [12, 'inet_service'],
  'ip saddr': [19, 'ipv4_addr'],
  'ip daddr': [20, 'ipv4_addr'],
  'ip6 saddr': [21, 'ipv6_addr'],
  'ip6 daddr': [22, 'ipv6_addr'],
} as const satisfies Record<string, readonly [number, ValueType]>;

export const CT_MARK = CT.mark[0];

/** Of the packet's connection. */
export function ct(key: keyof typeof CT): Load {
  const [number, type] = CT[key];
  // NFTA_CT_DREG, NFTA_CT_KEY
  return load([type], (register) => plain('ct', [1, register], [2, number]));
}

/** Of one direction of the packet's connection, as it was before or after address translation. */
export function ctTuple(direction: 'original' | 'reply', key: keyof typeof CT_TUPLE): Load {
  const [number, type] = CT_TUPLE[key];
  const flag = Uint8Array.of(direction === 'original' ? 0 : 1);
  return load([type], (register) => [
    {
      name: 'ct',
      // NFTA_CT_DREG, NFTA_CT_KEY, NFTA_CT_DIRECTION
      attributes: [...numbers([1, register], [2, number]), { type: 3, value: flag }],
    },
  ]);
}

/** NFTA_FIB_F_* and NFT_FIB_RESULT_*. */
const FIB_FLAG = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16 } as const;
const FIB_RESULT = { oif: [1, 'iface_index'], oifname: [2, 'ifname'], type: [3, 'fib_addrtype'] } as const;

/** What the routing table says of an address of the packet: `fib(['daddr'], 'type')` is "local" for one of the host. */
export function fib(by: readonly (keyof typeof FIB_FLAG)[], result: keyof typeof FIB_RESULT): Load {
  const [number, type] = FIB_RESULT[result];
  const flags = by.reduce((all, flag) => all | FIB_FLAG[flag], 0);
  // NFTA_FIB_DREG, NFTA_FIB_RESULT, NFTA_FIB_FLAGS
  return load([type], (register) => plain('fib', [1, register], [2, number], [3, flags]));
}

/** What `values` are, whatever the packet. */
export function constant(types: readonly ValueType[], values: readonly Value[]): Load {
  const bytes = encodeValues(types, values);
  return load(types, (register) => [
    // NFTA_IMMEDIATE_DREG, NFTA_IMMEDIATE_DATA
    { name: 'immediate', attributes: [...numbers([1, register]), { type: 2, value: valueData(bytes) }] },
  ]);
}

/** The bits of a load that are set in `mask` too; `mask` is as long as the load. */
export function masked(source: Load, mask: Uint8Array): Load {
  return load(source.types, (register) => [
    ...source.into(register),
    {
      name: 'bitwise',
      attributes: [
        // NFTA_BITWISE_SREG, _DREG, _LEN
        ...numbers([1, register], [2, register], [3, mask.length]),
        // NFTA_BITWISE_MASK, _XOR
        { type: 4, value: valueData(mask) },
        { type: 5, value: valueData(new Uint8Array(mask.length)) },
      ],
    },
  ]);
}

/** Several, as the key of a concatenation. Throws RangeError where they do not fit into the registers. */
export function concatenated(loads: readonly Load[]): Load {
  const types = loads.flatMap((part) => part.types);
  return load(types, (register) => {
    let at = register;
    return loads.flatMap((part) => {
      const expressions = part.into(at);
      at += registersOf(part.types);
      return expressions;
    });
  });
}

/** A map's name and what it leads from and to. */
export interface MapName {
  readonly name: string;
  readonly key: readonly ValueType[];
  readonly data: readonly ValueType[];
}

/** What a map has for these keys; where it has nothing the rule ends without a verdict. */
export function mapped(keys: readonly Load[], map: MapName): Load {
  const source = concatenated(keys);
  sameTypes(source.types, map.key, map.name);
  return load(map.data, (register) => [
    ...source.into(register),
    // NFTA_LOOKUP_SET, _SREG, _DREG
    { name: 'lookup', attributes: [{ type: 1, value: nameBytes(map.name) }, ...numbers([2, register], [3, register])] },
  ]);
}

/** Throws RangeError: the kernel would look up what nobody meant. */
export function sameTypes(given: readonly ValueType[], asked: readonly ValueType[], set: string): void {
  if (given.join(' . ') === asked.join(' . ')) return;
  throw new RangeError(`${given.join(' . ')} looked up in ${set}, whose key is ${asked.join(' . ')}`);
}

function load(types: readonly ValueType[], into: (register: number) => Expression[]): Load {
  if (registersOf(types) > REGISTER_COUNT) throw new RangeError(`${types.join(' . ')} does not fit into the registers`);
  return { types, into };
}

export function numbers(...pairs: readonly (readonly [type: number, value: number])[]): Node[] {
  return pairs.map(([type, value]) => ({ type, value: be32(value) }));
}

function plain(name: string, ...pairs: readonly (readonly [type: number, value: number])[]): Expression[] {
  return [{ name, attributes: numbers(...pairs) }];
}

/** A u8 attribute. */
export const flagNode = (type: number, value: number): Node => ({ type, value: byte(value) });
