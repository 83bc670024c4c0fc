/** Several ways of one route: struct rtnexthop of rtnetlink(7), u16 length, u8 flags, u8 weight less one, s32 link. */
import { aligned, decodeAttributes, encodeAttributes, MalformedMessage, viewOf } from './attributes.ts';
import { ADDRESS, decodeFields, encodeFields, field, type Codec, type Values } from './fields.ts';

const HEADER_SIZE = 8;
const NEXT_HOP_FIELDS = { gateway: field(5, ADDRESS) } as const;

export interface NextHop extends Values<typeof NEXT_HOP_FIELDS> {
  readonly link: number;
  /** From 1 to 256: the share of the traffic. */
  readonly weight: number;
  /** RTNH_F_*. */
  readonly flags: number;
}

export const NEXT_HOPS: Codec<readonly NextHop[]> = {
  write: (hops) =>
    Buffer.concat(
      hops.map(({ link, weight, flags, ...rest }) => {
        const attributes = encodeAttributes(encodeFields(NEXT_HOP_FIELDS, rest));
        const header = Buffer.alloc(HEADER_SIZE);
        header.writeUInt16LE(HEADER_SIZE + attributes.length, 0);
        header.writeUInt8(flags, 2);
        header.writeUInt8(weight - 1, 3);
        header.writeInt32LE(link, 4);
        return Buffer.concat([header, attributes]);
      }),
    ),
  read: (bytes) => {
    const view = viewOf(bytes);
    const hops: NextHop[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = at + HEADER_SIZE <= bytes.length ? view.getUint16(at, true) : 0;
      if (size < HEADER_SIZE || at + size > bytes.length) throw new MalformedMessage(`a next hop of ${size} bytes`);
      hops.push({
        link: view.getInt32(at + 4, true),
        weight: view.getUint8(at + 3) + 1,
        flags: view.getUint8(at + 2),
        ...decodeFields(NEXT_HOP_FIELDS, decodeAttributes(bytes.subarray(at + HEADER_SIZE, at + size))),
      });
      at += aligned(size);
    }
    return hops;
  },
};
