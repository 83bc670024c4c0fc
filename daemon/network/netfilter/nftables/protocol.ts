/** Numbers and small shapes of include/uapi/linux/netfilter/nf_tables.h that several files here share. */
import { text } from '../../rtnetlink/attributes.ts';
import { SUBSYSTEM, typeOf } from '../nfnetlink.ts';

/** NFPROTO_*, include/uapi/linux/netfilter.h. */
export const FAMILY = { inet: 1, ip: 2, ip6: 10 } as const;
export type Family = keyof typeof FAMILY;

/** Which table. */
export interface TableName {
  readonly family: Family;
  /** 1 to 255 bytes. */
  readonly table: string;
}

/** NFT_MSG_*. */
export const MESSAGE = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newRule: 6,
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  deleteSet: 11,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  newGeneration: 15,
  getGeneration: 16,
} as const;

export const messageType = (operation: number): number => typeOf(SUBSYSTEM.nftables, operation);

/** NFTA_LIST_ELEM. */
export const LIST_ELEMENT = 1;

const LONGEST_NAME = 255;

/** Of a table, chain, set. Throws RangeError for what the kernel would cut or misread. */
export function nameBytes(name: string): Uint8Array {
  const bytes = text(name);
  if (bytes.length < 2 || bytes.length > LONGEST_NAME + 1 || name.includes('\0')) {
    throw new RangeError(`an nftables name of 1 to ${LONGEST_NAME} bytes, without NUL: ${JSON.stringify(name)}`);
  }
  return bytes;
}

export const describeTable = ({ family, table }: TableName): string => `${family} ${table}`;

export function familyName(number: number): Family | undefined {
  return (Object.keys(FAMILY) as Family[]).find((name) => FAMILY[name] === number);
}
