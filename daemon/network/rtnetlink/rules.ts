/** Which table of routes is asked for what: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE; struct fib_rule_hdr. */
import { bitsOf, prefixOf, type Prefix } from '../address.ts';
import { attribute, decodeAttributes, encodeAttributes, MalformedMessage, viewOf } from './attributes.ts';
import type { Change, Rtnetlink } from './connection.ts';
import { familyOf, numberOf } from './families.ts';
import {
  addressOf,
  BOOLEAN,
  decodeFields,
  encodeFields,
  field,
  TEXT,
  U16_RANGE,
  U32,
  U32_RANGE,
  U8,
  type Values,
} from './fields.ts';
import { FLAG } from './messages.ts';
import { anywhere } from './routes.ts';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
const RTM_GETRULE = 34;
/** u8 family, destination's length, source's length, tos, table, two of padding, action; u32 flags. */
const HEADER_SIZE = 12;
const FRA_DST = 1;
const FRA_SRC = 2;

/** FR_ACT_*. */
export const RULE_ACTION = { table: 1, goto: 2, nothing: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
/** FIB_RULE_*. */
export const RULE_FLAG = { permanent: 1, invert: 2, unresolved: 4 } as const;

export const RULE_FIELDS = {
  /** Name of the link that packets come in by. */
  inLink: field(3, TEXT),
  /** Priority of the rule that is next. */
  goto: field(4, U32),
  /** The least is first; two rules may have the same. */
  priority: field(6, U32),
  mark: field(10, U32),
  flow: field(11, U32),
  /** Routes of prefixes of at most this length do not count; 0xffffffff: all do. */
  suppressedLength: field(14, U32),
  table: field(15, U32),
  markMask: field(16, U32),
  outLink: field(17, TEXT),
  isByMaster: field(19, BOOLEAN),
  users: field(20, U32_RANGE),
  /** ROUTE_PROTOCOL. */
  protocol: field(21, U8),
  /** IPPROTO_*. */
  transport: field(22, U8),
  sourcePorts: field(23, U16_RANGE),
  destinationPorts: field(24, U16_RANGE),
} as const;

export interface Rule {
  readonly family: 4 | 6;
  readonly destination: Prefix;
  readonly source: Prefix;
  readonly typeOfService: number;
  /** TABLE of routes.ts; 0 where the action is another. */
  readonly table: number;
  /** RULE_ACTION. */
  readonly action: number;
  /** RULE_FLAG. */
  readonly flags: number;
  readonly settings: Omit<Values<typeof RULE_FIELDS>, 'table'>;
}

/** Throws RangeError where an address is of the other family. */
export function encodeRule(rule: Rule): Buffer {
  const { family, destination, source, table, settings } = rule;
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt8(numberOf(family), 0);
  header.writeUInt8(destination.length, 1);
  header.writeUInt8(source.length, 2);
  header.writeUInt8(rule.typeOfService, 3);
  header.writeUInt8(table < 256 ? table : 0, 4);
  header.writeUInt8(rule.action, 7);
  header.writeUInt32LE(rule.flags, 8);
  const codec = addressOf(family);
  const ends = [
    { type: FRA_DST, prefix: destination },
    { type: FRA_SRC, prefix: source },
  ].flatMap(({ type, prefix }) => (prefix.length === 0 ? [] : [{ type, value: codec.write(prefix) }]));
  return Buffer.concat([header, encodeAttributes([...ends, ...encodeFields(RULE_FIELDS, { ...settings, table })])]);
}

/** undefined where it is neither of IPv4 nor of IPv6. Throws MalformedMessage. */
export function decodeRule(body: Uint8Array): Rule | undefined {
  if (body.length < HEADER_SIZE) throw new MalformedMessage(`a rule of ${body.length} bytes`);
  const view = viewOf(body);
  const family = familyOf(view.getUint8(0));
  if (family === undefined) return undefined;
  const attributes = decodeAttributes(body.subarray(HEADER_SIZE));
  const { table, ...settings } = decodeFields(RULE_FIELDS, attributes);
  const end = (type: number, length: number): Prefix => {
    if (length > bitsOf(family)) throw new MalformedMessage(`a prefix of ${length} bits`);
    const bytes = attribute(attributes, type);
    return bytes === undefined ? anywhere(family) : prefixOf(addressOf(family).read(bytes), length);
  };
  return {
    family,
    destination: end(FRA_DST, view.getUint8(1)),
    source: end(FRA_SRC, view.getUint8(2)),
    typeOfService: view.getUint8(3),
    table: table ?? view.getUint8(4),
    action: view.getUint8(7),
    flags: view.getUint32(8, true),
    settings,
  };
}

const nameOf = ({ settings }: Rule): string => `the rule of priority ${settings.priority ?? 'unknown'}`;

export function newRule(rule: Rule): Change {
  const flags = FLAG.create | FLAG.exclusive;
  return { step: `add ${nameOf(rule)}`, type: RTM_NEWRULE, body: encodeRule(rule), flags };
}

export function deleteRule(rule: Rule): Change {
  return { step: `remove ${nameOf(rule)}`, type: RTM_DELRULE, body: encodeRule(rule) };
}

/** In their order. Throws NetlinkError. */
export function listRules(connection: Rtnetlink, family: 4 | 6): Rule[] {
  const body = Buffer.alloc(HEADER_SIZE);
  body.writeUInt8(numberOf(family), 0);
  const request = { step: `list the rules of IPv${family}`, type: RTM_GETRULE, body };
  return connection.dump(request).flatMap((rule) => decodeRule(rule) ?? []);
}
