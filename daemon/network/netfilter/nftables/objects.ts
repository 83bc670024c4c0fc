/**
 * Tables, chains and rules, made and taken away. Attributes and their numbers: include/uapi/linux/netfilter/nf_tables.h;
 * what the kernel makes of them: net/netfilter/nf_tables_api.c.
 */
import { FLAG } from '../../rtnetlink/messages.ts';
import { be32, be64, type Node } from '../encoding.ts';
import type { Change } from './change.ts';
import { COMMENT, commentDatum, encodeUserData } from './comment.ts';
import type { Expression } from './loads.ts';
import { describeTable, FAMILY, LIST_ELEMENT, MESSAGE, messageType, nameBytes, type TableName } from './protocol.ts';
import type { Statement } from './statements.ts';

/** NF_INET_*, include/uapi/linux/netfilter.h. */
export const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type Hook = keyof typeof HOOK;

/** NF_IP_PRI_*, include/uapi/linux/netfilter_ipv4.h: lower ones come first. */
export const PRIORITY = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 } as const;

/** What makes a chain one that packets come to. */
export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: Hook;
  readonly priority: number;
  /** Of a packet that no rule decided on; accept where it is left out. A chain of the type nat has no other. */
  readonly policy?: 'accept' | 'drop';
}

interface Commented {
  /** At most 127 bytes; nft(8) shows it. */
  readonly comment?: string | undefined;
}

interface Creation extends Commented {
  /** The table or chain must not exist yet (EEXIST). Otherwise one that exists stays as it is. */
  readonly exclusive?: boolean | undefined;
}

const creationFlags = (exclusive: boolean | undefined): number =>
  FLAG.request | FLAG.create | (exclusive === true ? FLAG.exclusive : 0);

function commentNode(type: number, datum: number, comment: string | undefined): Node[] {
  return comment === undefined ? [] : [{ type, value: encodeUserData([commentDatum(datum, comment)]) }];
}

function change(step: string, table: TableName, operation: number, flags: number, attributes: readonly Node[]): Change {
  const message = {
    type: messageType(operation),
    flags: FLAG.request | flags,
    family: FAMILY[table.family],
    attributes,
  };
  return { step: `${step} of ${describeTable(table)}`, messages: [message] };
}

export function addTable(table: TableName, { comment, exclusive }: Creation = {}): Change {
  const attributes = [
    { type: 1, value: nameBytes(table.table) }, // NFTA_TABLE_NAME
    ...commentNode(6, COMMENT.table, comment), // NFTA_TABLE_USERDATA
  ];
  const flags = creationFlags(exclusive);
  const message = { type: messageType(MESSAGE.newTable), flags, family: FAMILY[table.family], attributes };
  return { step: `add the table ${describeTable(table)}`, messages: [message] };
}

/** With all that is in it. `tolerant`: also where there is none. */
export function deleteTable(table: TableName, { tolerant = false } = {}): Change {
  const attributes = [{ type: 1, value: nameBytes(table.table) }];
  const type = messageType(MESSAGE.deleteTable);
  const message = { type, flags: FLAG.request, family: FAMILY[table.family], attributes };
  // NFT_MSG_DESTROYTABLE is of Linux 6.3: what is made where it is missing can be deleted on any.
  const before = tolerant ? addTable(table).messages : [];
  return { step: `delete the table ${describeTable(table)}`, messages: [...before, message] };
}

/** `base`: where packets come to it; without, only jumps lead there. */
export function addChain(
  table: TableName,
  chain: string,
  options: Creation & { base?: BaseChain | undefined } = {},
): Change {
  const { base, comment, exclusive } = options;
  const attributes: Node[] = [
    { type: 1, value: nameBytes(table.table) }, // NFTA_CHAIN_TABLE
    { type: 3, value: nameBytes(chain) }, // NFTA_CHAIN_NAME
    ...commentNode(12, COMMENT.chain, comment), // NFTA_CHAIN_USERDATA
  ];
  if (base !== undefined) {
    const hook = [
      { type: 1, value: be32(HOOK[base.hook]) }, // NFTA_HOOK_HOOKNUM
      { type: 2, value: be32(base.priority) }, // NFTA_HOOK_PRIORITY
    ];
    attributes.push(
      { type: 4, value: hook }, // NFTA_CHAIN_HOOK
      { type: 5, value: be32(base.policy === 'drop' ? 0 : 1) }, // NFTA_CHAIN_POLICY: NF_DROP, NF_ACCEPT
      { type: 7, value: nameBytes(base.type) }, // NFTA_CHAIN_TYPE
    );
  }
  return change(`add the chain ${chain}`, table, MESSAGE.newChain, creationFlags(exclusive), attributes);
}

/** With its rules. Refused (EBUSY) while something jumps there. */
export function deleteChain(table: TableName, chain: string): Change {
  const attributes = [
    { type: 1, value: nameBytes(table.table) },
    { type: 3, value: nameBytes(chain) },
  ];
  return change(`delete the chain ${chain}`, table, MESSAGE.deleteChain, 0, attributes);
}

function ruleNodes(table: TableName, chain: string): Node[] {
  return [
    { type: 1, value: nameBytes(table.table) }, // NFTA_RULE_TABLE
    { type: 2, value: nameBytes(chain) }, // NFTA_RULE_CHAIN
  ];
}

/** Takes all rules of a chain away. */
export function flushChain(table: TableName, chain: string): Change {
  return change(`flush the chain ${chain}`, table, MESSAGE.deleteRule, 0, ruleNodes(table, chain));
}

/** By the handle that listRules tells. */
export function deleteRule(table: TableName, chain: string, handle: bigint): Change {
  const attributes = [...ruleNodes(table, chain), { type: 3, value: be64(handle) }]; // NFTA_RULE_HANDLE
  return change(`delete rule ${handle} of the chain ${chain}`, table, MESSAGE.deleteRule, 0, attributes);
}

interface RuleOptions extends Commented {
  /** Where in the chain: at its end (the default), at its beginning, or right after or before the rule of a handle. */
  readonly place?: 'last' | 'first' | { readonly after: bigint } | { readonly before: bigint };
}

export function addRule(
  table: TableName,
  chain: string,
  statements: readonly Statement[],
  { comment, place = 'last' }: RuleOptions = {},
): Change {
  const attributes: Node[] = [
    ...ruleNodes(table, chain),
    { type: 4, value: statements.flat().map(expressionNode) }, // NFTA_RULE_EXPRESSIONS
    ...commentNode(7, COMMENT.rule, comment), // NFTA_RULE_USERDATA
  ];
  if (typeof place === 'object') {
    attributes.push({ type: 6, value: be64('after' in place ? place.after : place.before) }); // NFTA_RULE_POSITION
  }
  const isAfter = place === 'last' || (typeof place === 'object' && 'after' in place);
  const flags = FLAG.create | (isAfter ? FLAG.append : 0);
  const what = comment === undefined ? 'add a rule' : `add the rule "${comment}"`;
  return change(`${what} to the chain ${chain}`, table, MESSAGE.newRule, flags, attributes);
}

function expressionNode({ name, attributes }: Expression): Node {
  return {
    type: LIST_ELEMENT,
    value: [
      { type: 1, value: nameBytes(name) }, // NFTA_EXPR_NAME
      { type: 2, value: attributes }, // NFTA_EXPR_DATA
    ],
  };
}
