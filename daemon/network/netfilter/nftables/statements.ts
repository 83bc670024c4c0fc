/**
 * What a rule says, one function a sentence: `[is(meta('iifname'), 'eth0'), isIn([payload('ip saddr')], set), drop()]`.
 * A sentence that does not hold ends the rule. Numbers from include/uapi/linux/netfilter/nf_tables.h.
 */
import { bytesOf, parseCidr } from '../../address.ts';
import { be32, be64, type Node } from '../encoding.ts';
import {
  concatenated,
  CT_MARK,
  FIRST_REGISTER,
  flagNode,
  masked,
  META_MARK,
  numbers,
  PAYLOAD,
  sameTypes,
  type Expression,
  type Load,
  type PayloadKey,
} from './loads.ts';
import { FAMILY, nameBytes } from './protocol.ts';
import { CT_STATE, CT_STATUS, encodeValues, kindOf, registersOf, type Value, type ValueType } from './values.ts';
import { valueData, verdictData, type Verdict } from './verdicts.ts';

export type Statement = readonly Expression[];

/** NFT_CMP_*. */
const COMPARISON = { '==': 0, '!=': 1, '<': 2, '<=': 3, '>': 4, '>=': 5 } as const;
export type Comparison = keyof typeof COMPARISON;

function compareBytes(operator: Comparison, bytes: Uint8Array): Expression {
  // NFTA_CMP_SREG, _OP, _DATA
  const attributes = [...numbers([1, FIRST_REGISTER], [2, COMPARISON[operator]]), { type: 3, value: valueData(bytes) }];
  return { name: 'cmp', attributes };
}

/** `value`: one of the load's type; for an address also a prefix ("10.0.0.0/8"); several for a concatenation. */
export function compare(load: Load, operator: Comparison, value: Value | readonly Value[]): Statement {
  const [type] = load.types;
  if (typeof value === 'string' && value.includes('/') && (type === 'ipv4_addr' || type === 'ipv6_addr')) {
    return withinPrefix(load, operator, value);
  }
  const values = typeof value === 'object' ? value : [value];
  return [...load.into(FIRST_REGISTER), compareBytes(operator, encodeValues(load.types, values))];
}

function withinPrefix(load: Load, operator: Comparison, cidr: string): Statement {
  const prefix = parseCidr(cidr)?.prefix;
  const family = load.types[0] === 'ipv4_addr' ? 4 : 6;
  if (prefix?.family !== family) throw new RangeError(`not a prefix of IPv${family}: ${JSON.stringify(cidr)}`);
  const bits = BigInt(family === 4 ? 32 : 128);
  const mask = bytesOf({ family, value: (1n << bits) - (1n << (bits - BigInt(prefix.length))) });
  return [...masked(load, mask).into(FIRST_REGISTER), compareBytes(operator, bytesOf(prefix))];
}

export const is = (load: Load, value: Value | readonly Value[]): Statement => compare(load, '==', value);
export const isNot = (load: Load, value: Value | readonly Value[]): Statement => compare(load, '!=', value);

/** Of an interface's name: all that begin so. */
export function startsWith(load: Load, prefix: string): Statement {
  const bytes = Buffer.from(prefix);
  if (load.types.join() !== 'ifname' || bytes.length === 0 || bytes.length >= kindOf('ifname').size) {
    throw new RangeError(`not the beginning of an interface's name: ${JSON.stringify(prefix)}`);
  }
  return [...load.into(FIRST_REGISTER), compareBytes('==', bytes)];
}

/** That one of these bits is set; or, `isNone`, that none is. */
export function hasAny(
  load: Load,
  bits: readonly (keyof typeof CT_STATE | keyof typeof CT_STATUS)[] | number,
  { isNone = false } = {},
): Statement {
  const names: Readonly<Record<string, number>> = { ...CT_STATE, ...CT_STATUS };
  const mask = typeof bits === 'number' ? bits : bits.reduce((all, name) => all | (names[name] ?? 0), 0);
  const bytes = encodeValues(load.types, [mask]);
  return [
    ...masked(load, bytes).into(FIRST_REGISTER),
    compareBytes(isNone ? '==' : '!=', new Uint8Array(bytes.length)),
  ];
}

/** A set's name and the types of its key. */
export interface SetName {
  readonly name: string;
  readonly key: readonly ValueType[];
}

function lookup(keys: readonly Load[], { name, key }: SetName, ...further: readonly [number, number][]): Statement {
  const source = concatenated(keys);
  sameTypes(source.types, key, name);
  // NFTA_LOOKUP_SET, _SREG
  const attributes = [{ type: 1, value: nameBytes(name) }, ...numbers([2, FIRST_REGISTER], ...further)];
  return [...source.into(FIRST_REGISTER), { name: 'lookup', attributes }];
}

/** Also of a map: that it has such a key. */
export const isIn = (keys: readonly Load[], set: SetName): Statement => lookup(keys, set);
/** NFTA_LOOKUP_FLAGS: NFT_LOOKUP_F_INV. */
export const isNotIn = (keys: readonly Load[], set: SetName): Statement => lookup(keys, set, [5, 1]);
/** What a verdict map has for these keys. NFTA_LOOKUP_DREG: NFT_REG_VERDICT. */
export const decideBy = (keys: readonly Load[], map: SetName): Statement => lookup(keys, map, [3, 0]);

function verdict(value: Verdict): Statement {
  // NFTA_IMMEDIATE_DREG: NFT_REG_VERDICT; NFTA_IMMEDIATE_DATA
  return [{ name: 'immediate', attributes: [...numbers([1, 0]), { type: 2, value: verdictData(value) }] }];
}

export const accept = (): Statement => verdict('accept');
export const drop = (): Statement => verdict('drop');
export const returnToCaller = (): Statement => verdict('return');
export const jump = (chain: string): Statement => verdict({ jump: chain });
export const goTo = (chain: string): Statement => verdict({ goto: chain });

/** NF_NAT_RANGE_*, include/uapi/linux/netfilter/nf_nat.h. */
const NAT_FLAG = { random: 1 << 2, persistent: 1 << 3, 'fully-random': 1 << 4 } as const;
export type NatFlag = keyof typeof NAT_FLAG;
const flagsOf = (flags: readonly NatFlag[]): number => flags.reduce((all, flag) => all | NAT_FLAG[flag], 0);

/** `target`: an address, or an address and a port (`mapped(…)`, `constant(…)`). */
function translate(type: 0 | 1, target: Load, flags: readonly NatFlag[]): Statement {
  const [address, port] = target.types;
  const isKnown =
    (address === 'ipv4_addr' || address === 'ipv6_addr') && (port === undefined || port === 'inet_service');
  if (!isKnown || target.types.length > 2)
    throw new RangeError(`addresses are not translated to ${target.types.join(' . ')}`);
  const attributes: Node[] = numbers(
    [1, type], // NFTA_NAT_TYPE
    [2, address === 'ipv4_addr' ? FAMILY.ip : FAMILY.ip6], // NFTA_NAT_FAMILY
    [3, FIRST_REGISTER], // NFTA_NAT_REG_ADDR_MIN
  );
  if (port !== undefined) attributes.push(...numbers([5, FIRST_REGISTER + registersOf([address])])); // NFTA_NAT_REG_PROTO_MIN
  if (flags.length > 0) attributes.push(...numbers([7, flagsOf(flags)])); // NFTA_NAT_FLAGS
  return [...target.into(FIRST_REGISTER), { name: 'nat', attributes }];
}

export const snat = (target: Load, flags: readonly NatFlag[] = []): Statement => translate(0, target, flags);
export const dnat = (target: Load, flags: readonly NatFlag[] = []): Statement => translate(1, target, flags);

/** The source becomes the address of the interface by which the packet leaves. */
export function masquerade(flags: readonly NatFlag[] = []): Statement {
  // NFTA_MASQ_FLAGS
  return [{ name: 'masq', attributes: flags.length === 0 ? [] : numbers([1, flagsOf(flags)]) }];
}

/** The destination becomes the host; `port`, a load of inet_service, its port. */
export function redirect(port?: Load): Statement {
  if (port === undefined) return [{ name: 'redir', attributes: [] }];
  if (port.types.join() !== 'inet_service')
    throw new RangeError(`ports are not redirected to ${port.types.join(' . ')}`);
  // NFTA_REDIR_REG_PROTO_MIN
  return [...port.into(FIRST_REGISTER), { name: 'redir', attributes: numbers([1, FIRST_REGISTER]) }];
}

/** NFT_REJECT_ICMPX_*. */
const UNREACHABLE = { 'no-route': 0, port: 1, host: 2, 'admin-prohibited': 3 } as const;

/** Dropped, and the sender told: by ICMP of its family, or a TCP reset. */
export function reject(reason: keyof typeof UNREACHABLE | 'tcp-reset' = 'port'): Statement {
  // NFTA_REJECT_TYPE: NFT_REJECT_TCP_RST, NFT_REJECT_ICMPX_UNREACH; NFTA_REJECT_ICMP_CODE
  if (reason === 'tcp-reset') return [{ name: 'reject', attributes: numbers([1, 1]) }];
  return [{ name: 'reject', attributes: [...numbers([1, 2]), flagNode(2, UNREACHABLE[reason])] }];
}

/** The packet is not tracked: no address translation, and its state is "untracked". Before conntrack, priority raw. */
export function notrack(): Statement {
  return [{ name: 'notrack', attributes: [] }];
}

export function counter(): Statement {
  return [{ name: 'counter', attributes: [] }];
}

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;

/** Holds for so many packets a time, and `burst` more at once. */
export function limit(rate: number, per: keyof typeof SECONDS, burst = 5): Statement {
  const attributes = [
    { type: 1, value: be64(rate) }, // NFTA_LIMIT_RATE
    { type: 2, value: be64(SECONDS[per]) }, // NFTA_LIMIT_UNIT
    { type: 3, value: be32(burst) }, // NFTA_LIMIT_BURST
    { type: 4, value: be32(0) }, // NFTA_LIMIT_TYPE: NFT_LIMIT_PKTS
  ];
  return [{ name: 'limit', attributes }];
}

/** Sets the mark of the packet, or of its connection. `mark`: a load of the type mark. */
export function setMark(of: 'packet' | 'connection', mark: Load): Statement {
  if (mark.types.join() !== 'mark') throw new RangeError(`a mark is not set to ${mark.types.join(' . ')}`);
  // NFTA_META_KEY, _SREG; NFTA_CT_KEY, _SREG
  const setter: Expression =
    of === 'packet'
      ? { name: 'meta', attributes: numbers([2, META_MARK], [3, FIRST_REGISTER]) }
      : { name: 'ct', attributes: numbers([2, CT_MARK], [4, FIRST_REGISTER]) };
  return [...mark.into(FIRST_REGISTER), setter];
}

/** Overwrites an address of the packet; the checksum of what it carries goes along. Throws RangeError for ports. */
export function setPayload(key: Exclude<PayloadKey, `th ${string}`>, value: Load): Statement {
  const [base, offset, type] = PAYLOAD[key];
  if (value.types.join() !== type) throw new RangeError(`${key} is not set to ${value.types.join(' . ')}`);
  // IPv4's header has a checksum of its own at offset 10: NFT_PAYLOAD_CSUM_INET; IPv6's has none.
  const ownChecksum = type === 'ipv4_addr' ? ([1, 10] as const) : ([0, 0] as const);
  const attributes = numbers(
    [2, base], // NFTA_PAYLOAD_BASE
    [3, offset], // NFTA_PAYLOAD_OFFSET
    [4, kindOf(type).size], // NFTA_PAYLOAD_LEN
    [5, FIRST_REGISTER], // NFTA_PAYLOAD_SREG
    [6, ownChecksum[0]], // NFTA_PAYLOAD_CSUM_TYPE
    [7, ownChecksum[1]], // NFTA_PAYLOAD_CSUM_OFFSET
    [8, 1], // NFTA_PAYLOAD_CSUM_FLAGS: NFT_PAYLOAD_L4CSUM_PSEUDOHDR
  );
  return [...value.into(FIRST_REGISTER), { name: 'payload', attributes }];
}
