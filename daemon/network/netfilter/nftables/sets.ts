/** Sets and maps, made and taken away: NFTA_SET_*, nf_tables_newset() of net/netfilter/nf_tables_api.c. */
import { FLAG } from '../../rtnetlink/messages.ts';
import { be32, type Node } from '../encoding.ts';
import type { Change } from './change.ts';
import { byteOrderData, COMMENT, commentDatum, encodeUserData } from './comment.ts';
import { describeTable, FAMILY, LIST_ELEMENT, MESSAGE, messageType, nameBytes, type TableName } from './protocol.ts';
import { kindOf, registersOf, sizeOf, typeNumber, type ValueType } from './values.ts';
import { VERDICT_TYPE } from './verdicts.ts';

/** What a set is; with `data` it is a map. */
export interface SetShape {
  readonly name: string;
  /** Several are a concatenation. */
  readonly key: readonly ValueType[];
  readonly data?: readonly ValueType[] | 'verdict';
  /** Whether keys may be ranges and prefixes. Ranges may not overlap each other. */
  readonly interval?: boolean;
  readonly comment?: string | undefined;
}

/** NFT_SET_*. */
const SET_FLAG = { interval: 0x4, map: 0x8, concatenation: 0x80 } as const;
const LARGEST = 64; // NFT_DATA_VALUE_MAXLEN

/** A concatenation of ranges is the kernel's pipapo, of which an element has both ends; another has two elements a range. */
export const isOfPairs = ({ interval = false, key }: Pick<SetShape, 'interval' | 'key'>): boolean =>
  interval && key.length > 1;

export function flagsOfSet(shape: SetShape): number {
  return (
    (shape.interval === true ? SET_FLAG.interval : 0) |
    (shape.data === undefined ? 0 : SET_FLAG.map) |
    (isOfPairs(shape) ? SET_FLAG.concatenation : 0)
  );
}

export const hasSetFlag = (flags: number, flag: keyof typeof SET_FLAG): boolean => (flags & SET_FLAG[flag]) !== 0;

function byteOrder(types: readonly ValueType[]): 1 | 2 {
  const [type] = types;
  return types.length === 1 && type !== undefined && kindOf(type).isHostOrder ? 1 : 2;
}

function keySize(types: readonly ValueType[]): number {
  const size = types.length === 1 ? sizeOf(types) : 4 * registersOf(types);
  if (types.length === 0 || size > LARGEST) throw new RangeError(`no key of a set: ${types.join(' . ') || 'nothing'}`);
  return size;
}

const describe = (table: TableName, { name, data }: SetShape): string =>
  `the ${data === undefined ? 'set' : 'map'} ${name} of ${describeTable(table)}`;

function setChange(
  step: string,
  table: TableName,
  operation: number,
  flags: number,
  attributes: readonly Node[],
): Change {
  const message = {
    type: messageType(operation),
    flags: FLAG.request | flags,
    family: FAMILY[table.family],
    attributes,
  };
  return { step, messages: [message] };
}

/** `exclusive`: it must not exist yet (EEXIST). */
export function addSet(table: TableName, shape: SetShape, { exclusive = false } = {}): Change {
  const { key, data, comment } = shape;
  const dataTypes = typeof data === 'object' ? data : undefined;
  const attributes: Node[] = [
    { type: 1, value: nameBytes(table.table) }, // NFTA_SET_TABLE
    { type: 2, value: nameBytes(shape.name) }, // NFTA_SET_NAME
    { type: 3, value: be32(flagsOfSet(shape)) }, // NFTA_SET_FLAGS
    { type: 4, value: be32(typeNumber(key)) }, // NFTA_SET_KEY_TYPE
    { type: 5, value: be32(keySize(key)) }, // NFTA_SET_KEY_LEN
    // NFTA_SET_ID: must be there; nothing refers to a set by it here.
    { type: 10, value: be32(1) },
  ];
  if (data === 'verdict') attributes.push({ type: 6, value: be32(VERDICT_TYPE) }); // NFTA_SET_DATA_TYPE
  if (dataTypes !== undefined) {
    attributes.push(
      { type: 6, value: be32(typeNumber(dataTypes)) },
      { type: 7, value: be32(keySize(dataTypes)) }, // NFTA_SET_DATA_LEN
    );
  }
  if (isOfPairs(shape)) {
    const fields = key.map((type) => ({
      type: LIST_ELEMENT,
      value: [{ type: 1, value: be32(kindOf(type).size) }], // NFTA_SET_FIELD_LEN
    }));
    attributes.push({ type: 9, value: [{ type: 2, value: fields }] }); // NFTA_SET_DESC: NFTA_SET_DESC_CONCAT
  }
  const userData = [
    ...byteOrderData(byteOrder(key), dataTypes === undefined ? undefined : byteOrder(dataTypes)),
    ...(comment === undefined ? [] : [commentDatum(COMMENT.set, comment)]),
  ];
  attributes.push({ type: 13, value: encodeUserData(userData) }); // NFTA_SET_USERDATA
  const flags = FLAG.create | (exclusive ? FLAG.exclusive : 0);
  return setChange(`add ${describe(table, shape)}`, table, MESSAGE.newSet, flags, attributes);
}

/** With its elements. Refused (EBUSY) while a rule looks into it. */
export function deleteSet(table: TableName, name: string): Change {
  const attributes = [
    { type: 1, value: nameBytes(table.table) },
    { type: 2, value: nameBytes(name) },
  ];
  return setChange(`delete the set ${name} of ${describeTable(table)}`, table, MESSAGE.deleteSet, 0, attributes);
}

/** Takes all elements away. */
export function flushSet(table: TableName, name: string): Change {
  const attributes = [
    { type: 1, value: nameBytes(table.table) }, // NFTA_SET_ELEM_LIST_TABLE
    { type: 2, value: nameBytes(name) }, // NFTA_SET_ELEM_LIST_SET
  ];
  return setChange(`flush the set ${name} of ${describeTable(table)}`, table, MESSAGE.deleteElements, 0, attributes);
}
