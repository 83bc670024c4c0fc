/** The elements of a set, as values again: what addElements was given. */
import { decodeAttributes, MalformedMessage, optional, type Attribute } from '../../rtnetlink/attributes.ts';
import { readBe32 } from '../encoding.ts';
import { COMMENT, readComment } from './comment.ts';
import type { Nftables } from './connection.ts';
import type { Element, KeyField } from './elements.ts';
import { describeTable, LIST_ELEMENT, MESSAGE, nameBytes, type TableName } from './protocol.ts';
import { isOfPairs, type SetShape } from './sets.ts';
import { decodeValues, type Value } from './values.ts';
import { decodeData } from './verdicts.ts';

/** Ends of ranges are in it; a range of one value is that value. */
interface Raw {
  readonly key: Uint8Array;
  readonly keyEnd: Uint8Array | undefined;
  readonly isEnd: boolean;
  readonly element: Omit<Element, 'key'>;
}

/** In no order; of a set of intervals, by their keys. [] where there is no such set. Throws NetlinkError, MalformedMessage. */
export function listElements(nftables: Nftables, table: TableName, shape: SetShape): Element[] {
  const filter = [
    { type: 1, value: nameBytes(table.table) }, // NFTA_SET_ELEM_LIST_TABLE
    { type: 2, value: nameBytes(shape.name) }, // NFTA_SET_ELEM_LIST_SET
  ];
  const step = `list the elements of ${shape.name} of ${describeTable(table)}`;
  const raw = nftables
    .dump(step, MESSAGE.getElements, table.family, filter)
    .flatMap(({ attributes }) => optional(attributes, 3, decodeAttributes) ?? []) // NFTA_SET_ELEM_LIST_ELEMENTS
    .filter(({ type }) => type === LIST_ELEMENT)
    .map(({ value }) => readElement(shape, decodeAttributes(value)));
  return elementsOf(shape, raw);
}

function value(bytes: Uint8Array): Uint8Array {
  const data = decodeData(bytes);
  if (!('value' in data)) throw new MalformedMessage('a verdict where a value is expected');
  return data.value;
}

export function readElement(shape: SetShape, attributes: readonly Attribute[]): Raw {
  const key = optional(attributes, 1, value); // NFTA_SET_ELEM_KEY
  if (key === undefined) throw new MalformedMessage(`an element of ${shape.name} without a key`);
  const data = optional(attributes, 2, decodeData); // NFTA_SET_ELEM_DATA
  const comment = optional(attributes, 6, (bytes) => readComment(bytes, COMMENT.element)); // NFTA_SET_ELEM_USERDATA
  const flags = optional(attributes, 3, readBe32) ?? 0; // NFTA_SET_ELEM_FLAGS
  const decoded =
    data === undefined
      ? undefined
      : 'verdict' in data
        ? data.verdict
        : typeof shape.data === 'object'
          ? decodeValues(shape.data, data.value)
          : undefined;
  return {
    key,
    keyEnd: optional(attributes, 10, value), // NFTA_SET_ELEM_KEY_END
    isEnd: (flags & 1) !== 0, // NFT_SET_ELEM_INTERVAL_END
    element: {
      ...(decoded === undefined ? {} : { data: decoded }),
      ...(comment === undefined ? {} : { comment }),
    },
  };
}

export function elementsOf(shape: SetShape, raw: readonly Raw[]): Element[] {
  if (shape.interval !== true) {
    return raw.map(({ key, element }) => ({ key: decodeValues(shape.key, key), ...element }));
  }
  if (isOfPairs(shape)) {
    return raw.map(({ key, keyEnd = key, element }) => ({ key: fields(shape, key, keyEnd), ...element }));
  }
  // An end comes before a beginning at the same place.
  const order = raw.toSorted((a, b) => Buffer.compare(a.key, b.key) || Number(b.isEnd) - Number(a.isEnd));
  return order.flatMap(({ key, isEnd, element }, index) => {
    if (isEnd) return [];
    const next = order[index + 1];
    return [{ key: fields(shape, key, next === undefined ? highest(key) : before(next.key)), ...element }];
  });
}

function fields(shape: SetShape, first: Uint8Array, last: Uint8Array): KeyField[] {
  const to = decodeValues(shape.key, last);
  return decodeValues(shape.key, first).map((from, index): KeyField => {
    const end: Value = to[index] ?? from;
    return end === from ? from : { from, to: end };
  });
}

const highest = (key: Uint8Array): Uint8Array => new Uint8Array(key.length).fill(0xff);

function before(key: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(key);
  for (let at = bytes.length - 1; at >= 0; at--) {
    const digit = bytes[at] ?? 0;
    bytes[at] = (digit - 1) & 0xff;
    if (digit !== 0) break;
  }
  return bytes;
}
