/** What nf_tables has: tables, chains, rules, sets, as the kernel tells them. All of these throw NetlinkError, MalformedMessage. */
import { attribute, decodeAttributes, optional, readText, type Attribute } from '../../rtnetlink/attributes.ts';
import { readBe32, readBe64, type Node } from '../encoding.ts';
import type { NetfilterBody } from '../nfnetlink.ts';
import { COMMENT, readComment } from './comment.ts';
import { read, type Nftables } from './connection.ts';
import { HOOK, type BaseChain, type Hook } from './objects.ts';
import {
  describeTable,
  familyName,
  LIST_ELEMENT,
  MESSAGE,
  nameBytes,
  type Family,
  type TableName,
} from './protocol.ts';
import { hasSetFlag, type SetShape } from './sets.ts';
import { typesOfNumber, type ValueType } from './values.ts';
import { VERDICT_TYPE } from './verdicts.ts';

export interface Table extends TableName {
  readonly handle: bigint;
  readonly comment: string | undefined;
}

/** Of this family; without one, of inet, ip and ip6. */
export function listTables(nftables: Nftables, family?: Family): Table[] {
  return nftables.dump('list the tables', MESSAGE.getTable, family).flatMap(({ family: number, attributes }) => {
    const found = familyName(number);
    if (found === undefined) return [];
    return [
      {
        family: found,
        table: read(attributes, 1, readText), // NFTA_TABLE_NAME
        handle: read(attributes, 4, readBe64), // NFTA_TABLE_HANDLE
        comment: commentOf(attributes, 6, COMMENT.table), // NFTA_TABLE_USERDATA
      },
    ];
  });
}

function commentOf(attributes: readonly Attribute[], type: number, datum: number): string | undefined {
  return optional(attributes, type, (value) => readComment(value, datum));
}

/** Those of `table` among what a dump of its family gave. */
function ofTable(bodies: readonly NetfilterBody[], { table }: TableName): NetfilterBody[] {
  // NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE
  return bodies.filter(({ attributes }) => optional(attributes, 1, readText) === table);
}

export interface Chain {
  readonly name: string;
  readonly handle: bigint;
  /** undefined where only jumps lead there, or packets come by a hook of another kind. */
  readonly base: BaseChain | undefined;
  readonly comment: string | undefined;
}

/** [] where there is no such table. */
export function listChains(nftables: Nftables, table: TableName): Chain[] {
  // The kernel's dump of chains knows no table (nf_tables_dump_chains).
  const step = `list the chains of ${describeTable(table)}`;
  return ofTable(nftables.dump(step, MESSAGE.getChain, table.family), table).map(({ attributes }) => ({
    name: read(attributes, 3, readText), // NFTA_CHAIN_NAME
    handle: read(attributes, 2, readBe64), // NFTA_CHAIN_HANDLE
    base: readBase(attributes),
    comment: commentOf(attributes, 12, COMMENT.chain), // NFTA_CHAIN_USERDATA
  }));
}

function readBase(attributes: readonly Attribute[]): BaseChain | undefined {
  const hook = attribute(attributes, 4); // NFTA_CHAIN_HOOK
  if (hook === undefined) return undefined;
  const inner = decodeAttributes(hook);
  const number = read(inner, 1, readBe32); // NFTA_HOOK_HOOKNUM
  const type = read(attributes, 7, readText); // NFTA_CHAIN_TYPE
  const name = (Object.keys(HOOK) as Hook[]).find((candidate) => HOOK[candidate] === number);
  if (name === undefined || (type !== 'filter' && type !== 'nat' && type !== 'route')) return undefined;
  const policy = read(attributes, 5, readBe32) === 0 ? 'drop' : 'accept'; // NFTA_CHAIN_POLICY
  return { type, hook: name, priority: read(inner, 2, readBe32) | 0, policy }; // NFTA_HOOK_PRIORITY
}

export interface Rule {
  readonly chain: string;
  readonly handle: bigint;
  readonly comment: string | undefined;
  /** In their order. */
  readonly expressions: readonly { readonly name: string; readonly attributes: readonly Attribute[] }[];
}

/** In the order in which they are followed; of one chain, or of all. [] where there is no such table. */
export function listRules(nftables: Nftables, table: TableName, chain?: string): Rule[] {
  const filter: Node[] = [{ type: 1, value: nameBytes(table.table) }]; // NFTA_RULE_TABLE
  if (chain !== undefined) filter.push({ type: 2, value: nameBytes(chain) }); // NFTA_RULE_CHAIN
  const step = `list the rules of ${describeTable(table)}`;
  return ofTable(nftables.dump(step, MESSAGE.getRule, table.family, filter), table).map(({ attributes }) => ({
    chain: read(attributes, 2, readText),
    handle: read(attributes, 3, readBe64), // NFTA_RULE_HANDLE
    comment: commentOf(attributes, 7, COMMENT.rule), // NFTA_RULE_USERDATA
    expressions: (optional(attributes, 4, decodeAttributes) ?? []) // NFTA_RULE_EXPRESSIONS
      .filter(({ type }) => type === LIST_ELEMENT)
      .map(({ value }) => {
        const expression = decodeAttributes(value);
        return {
          name: read(expression, 1, readText), // NFTA_EXPR_NAME
          attributes: optional(expression, 2, decodeAttributes) ?? [], // NFTA_EXPR_DATA
        };
      }),
  }));
}

export interface ListedSet {
  readonly name: string;
  readonly handle: bigint;
  readonly comment: string | undefined;
  /** undefined where its key or data are of a type that addSet does not make. */
  readonly shape: SetShape | undefined;
}

/** Anonymous ones too. [] where there is no such table. */
export function listSets(nftables: Nftables, table: TableName): ListedSet[] {
  const filter = [{ type: 1, value: nameBytes(table.table) }]; // NFTA_SET_TABLE
  const step = `list the sets of ${describeTable(table)}`;
  return ofTable(nftables.dump(step, MESSAGE.getSet, table.family, filter), table).map(({ attributes }) => {
    const name = read(attributes, 2, readText); // NFTA_SET_NAME
    const comment = commentOf(attributes, 13, COMMENT.set); // NFTA_SET_USERDATA
    return {
      name,
      handle: read(attributes, 16, readBe64), // NFTA_SET_HANDLE
      comment,
      shape: readShape(name, comment, attributes),
    };
  });
}

function readShape(name: string, comment: string | undefined, attributes: readonly Attribute[]): SetShape | undefined {
  const flags = optional(attributes, 3, readBe32) ?? 0; // NFTA_SET_FLAGS
  const key = typesOfNumber(optional(attributes, 4, readBe32) ?? 0); // NFTA_SET_KEY_TYPE
  if (key === undefined || key.length === 0) return undefined;
  const shape = { name, key, interval: hasSetFlag(flags, 'interval'), comment };
  if (!hasSetFlag(flags, 'map')) return shape;
  const data = dataOf(optional(attributes, 6, readBe32) ?? 0); // NFTA_SET_DATA_TYPE
  return data === undefined ? undefined : { ...shape, data };
}

function dataOf(number: number): readonly ValueType[] | 'verdict' | undefined {
  if (number === VERDICT_TYPE) return 'verdict';
  const types = typesOfNumber(number);
  return types === undefined || types.length === 0 ? undefined : types;
}
