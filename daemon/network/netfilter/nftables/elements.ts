/**
 * Elements of sets and maps: NFTA_SET_ELEM_*. A transaction may have as many as fit into memory; a message has those that
 * fit into one attribute (64 KiB), so that many elements are several messages.
 */
import { lastOf, formatAddress, parseCidr } from '../../address.ts';
import { FLAG } from '../../rtnetlink/messages.ts';
import { be32, sizeOfNode, type Node } from '../encoding.ts';
import { ATTRIBUTES_AT } from '../nfnetlink.ts';
import type { Change, ChangeMessage } from './change.ts';
import { COMMENT, commentDatum, encodeUserData } from './comment.ts';
import { describeTable, FAMILY, LIST_ELEMENT, MESSAGE, messageType, nameBytes, type TableName } from './protocol.ts';
import { isOfPairs, type SetShape } from './sets.ts';
import { encodeValues, type Value, type ValueType } from './values.ts';
import { valueData, verdictData, type Verdict } from './verdicts.ts';

/** Both ends are in it. */
export interface Range {
  readonly from: Value;
  readonly to: Value;
}

/** One field of a key: in a set of intervals also a range or a prefix, "10.0.0.0/8". */
export type KeyField = Value | Range;

export interface Element {
  readonly key: readonly KeyField[];
  /** Of a map: as many values as its data has types, or its verdict. */
  readonly data?: readonly Value[] | Verdict;
  /** At most 127 bytes. */
  readonly comment?: string | undefined;
}

const INTERVAL_END = 1; // NFT_SET_ELEM_INTERVAL_END
/** Leaves room for the headers around. */
const MOST_BYTES = 60_000;

export function describeKey(key: readonly KeyField[]): string {
  return key.map((field) => (typeof field === 'object' ? `${field.from}-${field.to}` : String(field))).join(' . ');
}

/** First and last value of a field. Throws RangeError for a prefix that is none. */
function endsOf(type: ValueType, field: KeyField): readonly [Value, Value] {
  if (typeof field === 'object') return [field.from, field.to];
  if (typeof field !== 'string' || !field.includes('/') || (type !== 'ipv4_addr' && type !== 'ipv6_addr')) {
    return [field, field];
  }
  const prefix = parseCidr(field)?.prefix;
  if (prefix === undefined) throw new RangeError(`not a prefix: ${JSON.stringify(field)}`);
  return [formatAddress(prefix), formatAddress(lastOf(prefix))];
}

/** The number after it; undefined after the highest there is. */
function successor(bytes: Uint8Array): Uint8Array | undefined {
  const next = Uint8Array.from(bytes);
  for (let at = next.length - 1; at >= 0; at--) {
    const value = ((next[at] ?? 0) + 1) & 0xff;
    next[at] = value;
    if (value !== 0) return next;
  }
  return undefined;
}

function keyNodes(shape: SetShape, key: readonly KeyField[]): { key: Node[]; end: Uint8Array | undefined } {
  // NFTA_SET_ELEM_KEY
  const plain = (values: readonly Value[]): Node => ({ type: 1, value: valueData(encodeValues(shape.key, values)) });
  if (shape.interval !== true) {
    if (key.some((field) => typeof field === 'object'))
      throw new RangeError(`${describeKey(key)} in a set without intervals`);
    return { key: [plain(key as readonly Value[])], end: undefined };
  }
  const ends = shape.key.map((type, index) => endsOf(type, key[index] ?? ''));
  if (key.length !== ends.length) throw new RangeError(`${key.length} fields for a key of ${shape.key.join(' . ')}`);
  const last = encodeValues(shape.key, ends.map(([, to]) => to)); // prettier-ignore
  const first = plain(ends.map(([from]) => from));
  // NFTA_SET_ELEM_KEY_END
  return isOfPairs(shape)
    ? { key: [first, { type: 10, value: valueData(last) }], end: undefined }
    : { key: [first], end: last };
}

/** One or, of a range in a set of intervals of one field, two: where it begins, and where it has ended. */
function elementNodes(shape: SetShape, { key, data, comment }: Element): Node[] {
  const nodes = keyNodes(shape, key);
  const value = [...nodes.key];
  // NFTA_SET_ELEM_DATA
  if (data !== undefined) value.push({ type: 2, value: dataNodes(shape, data) });
  if (comment !== undefined) {
    // NFTA_SET_ELEM_USERDATA
    value.push({ type: 6, value: encodeUserData([commentDatum(COMMENT.element, comment)]) });
  }
  const begin = { type: LIST_ELEMENT, value };
  const after = nodes.end === undefined ? undefined : successor(nodes.end);
  // A range up to the highest number has no end.
  if (after === undefined) return [begin];
  // NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_FLAGS
  const end = [
    { type: 1, value: valueData(after) },
    { type: 3, value: be32(INTERVAL_END) },
  ];
  return [begin, { type: LIST_ELEMENT, value: end }];
}

function dataNodes({ name, data: types }: SetShape, data: readonly Value[] | Verdict): Node[] {
  if (Array.isArray(data)) {
    if (typeof types !== 'object') throw new RangeError(`values for an element of ${name}, which has none`);
    return valueData(encodeValues(types, data as readonly Value[]));
  }
  if (types !== 'verdict') throw new RangeError(`a verdict for an element of ${name}, which has none`);
  return verdictData(data as Verdict);
}

interface Batch {
  readonly elements: Element[];
  readonly nodes: Node[];
  /** Where each of `elements` ends among `nodes`, in bytes. */
  readonly ends: number[];
}

function batches(shape: SetShape, elements: readonly Element[]): Batch[] {
  const all: Batch[] = [];
  let size = MOST_BYTES;
  for (const element of elements) {
    const nodes = elementNodes(shape, element);
    const added = nodes.reduce((sum, node) => sum + sizeOfNode(node), 0);
    if (size + added > MOST_BYTES) {
      all.push({ elements: [], nodes: [], ends: [] });
      size = 0;
    }
    size += added;
    const batch = all.at(-1);
    batch?.elements.push(element);
    batch?.nodes.push(...nodes);
    batch?.ends.push(size);
  }
  return all;
}

function elementsChange(
  verb: 'add' | 'delete',
  table: TableName,
  shape: SetShape,
  elements: readonly Element[],
  flags: number,
): Change {
  const preposition = verb === 'add' ? 'to' : 'from';
  const kind = shape.data === undefined ? 'set' : 'map';
  const name = nameBytes(shape.name);
  const messages = batches(shape, elements).map((batch): ChangeMessage => {
    const head = [
      { type: 1, value: nameBytes(table.table) }, // NFTA_SET_ELEM_LIST_TABLE
      { type: 2, value: name }, // NFTA_SET_ELEM_LIST_SET
    ];
    const start = ATTRIBUTES_AT + head.reduce((sum, node) => sum + sizeOfNode(node), 0) + 4;
    return {
      type: messageType(verb === 'add' ? MESSAGE.newElements : MESSAGE.deleteElements),
      flags: FLAG.request | flags,
      family: FAMILY[table.family],
      attributes: [...head, { type: 3, value: batch.nodes }], // NFTA_SET_ELEM_LIST_ELEMENTS
      partAt: (offset) => {
        const found = offset < start ? undefined : batch.elements[batch.ends.findIndex((end) => offset < start + end)];
        return found === undefined ? undefined : `the element ${describeKey(found.key)}`;
      },
    };
  });
  const [only] = elements;
  const what = elements.length === 1 && only !== undefined ? describeKey(only.key) : `${elements.length} elements`;
  return { step: `${verb} ${what} ${preposition} the ${kind} ${shape.name} of ${describeTable(table)}`, messages };
}

/**
 * `exclusive`: none of them may be there yet (EEXIST); otherwise one that is there already with the same data stays, and one
 * with other data is refused (EEXIST). Throws RangeError for values that the set's types do not have.
 */
export function addElements(
  table: TableName,
  shape: SetShape,
  elements: readonly Element[],
  { exclusive = false } = {},
): Change {
  const flags = FLAG.create | (exclusive ? FLAG.exclusive : 0);
  return elementsChange('add', table, shape, elements, flags);
}

/** By their keys. One that is not there is refused (ENOENT), and with it all. */
export function deleteElements(table: TableName, shape: SetShape, keys: readonly (readonly KeyField[])[]): Change {
  return elementsChange('delete', table, shape, keys.map((key) => ({ key })), 0); // prettier-ignore
}
