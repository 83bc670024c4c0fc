/**
 * Comments as nft(8) writes and shows them. To the kernel they are bytes; libnftnl (include/udata.h, src/udata.c) has a
 * list in them of u8 type, u8 length, value.
 */

/** NFTNL_UDATA_*_COMMENT of libnftnl/udata.h; a set's has another number. */
export const COMMENT = { table: 0, chain: 0, rule: 0, element: 0, set: 7 } as const;
/** NFTNL_UDATA_SET_*: the byte order of key and data, without which nft(8) shows some numbers reversed. */
const KEY_BYTE_ORDER = 0;
const DATA_BYTE_ORDER = 1;
const LONGEST_COMMENT = 128;

export interface UserDatum {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Throws RangeError for a comment that nft(8) could not show: beyond 127 bytes, or with NUL. */
export function commentDatum(type: number, comment: string): UserDatum {
  const value = Buffer.from(`${comment}\0`);
  if (value.length > LONGEST_COMMENT || comment.includes('\0')) {
    throw new RangeError(`a comment of at most ${LONGEST_COMMENT - 1} bytes: ${JSON.stringify(comment)}`);
  }
  return { type, value };
}

/** Of a set. 1 is the host's order, 2 the network's. */
export function byteOrderData(key: 1 | 2, data: 1 | 2 | undefined): UserDatum[] {
  const datum = (type: number, order: number): UserDatum => ({ type, value: Uint8Array.of(order, 0, 0, 0) });
  return [datum(KEY_BYTE_ORDER, key), ...(data === undefined ? [] : [datum(DATA_BYTE_ORDER, data)])];
}

export function encodeUserData(data: readonly UserDatum[]): Buffer {
  return Buffer.concat(data.map(({ type, value }) => Buffer.concat([Uint8Array.of(type, value.length), value])));
}

/** undefined where there is none that can be read: others may have written what they like. */
export function readComment(bytes: Uint8Array, type: number): string | undefined {
  let at = 0;
  while (at + 2 <= bytes.length) {
    const size = bytes[at + 1] ?? 0;
    if (at + 2 + size > bytes.length) return undefined;
    if (bytes[at] === type) {
      const value = Buffer.from(bytes.subarray(at + 2, at + 2 + size));
      const end = value.indexOf(0);
      return value.toString('utf8', 0, end < 0 ? value.length : end);
    }
    at += 2 + size;
  }
  return undefined;
}
