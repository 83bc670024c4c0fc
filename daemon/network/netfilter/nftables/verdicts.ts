/** What a rule or a verdict map decides, and data at large: NFTA_DATA_*, NFTA_VERDICT_*. */
import { attribute, decodeAttributes, MalformedMessage, readText } from '../../rtnetlink/attributes.ts';
import { be32, readBe32, type Node } from '../encoding.ts';
import { nameBytes } from './protocol.ts';

export type Verdict = 'accept' | 'drop' | 'continue' | 'return' | { readonly jump: string } | { readonly goto: string };

const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
/** NF_* and NFT_*, as u32. */
const CODE = { drop: 0, accept: 1, continue: 0xffff_ffff, return: 0xffff_fffb } as const;
const JUMP = 0xffff_fffd;
const GOTO = 0xffff_fffc;

/** Bytes of a verdict in the kernel's eyes; what a verdict map says its data have. */
export const VERDICT_TYPE = 0xffff_ff00;

export function valueData(value: Uint8Array): Node[] {
  return [{ type: NFTA_DATA_VALUE, value }];
}

export function verdictData(verdict: Verdict): Node[] {
  const chain = (code: number, name: string): Node[] => [
    { type: NFTA_VERDICT_CODE, value: be32(code) },
    { type: NFTA_VERDICT_CHAIN, value: nameBytes(name) },
  ];
  const value =
    typeof verdict === 'string'
      ? [{ type: NFTA_VERDICT_CODE, value: be32(CODE[verdict]) }]
      : 'jump' in verdict
        ? chain(JUMP, verdict.jump)
        : chain(GOTO, verdict.goto);
  return [{ type: NFTA_DATA_VERDICT, value }];
}

export type Data = { readonly value: Uint8Array } | { readonly verdict: Verdict };

/** Throws MalformedMessage. */
export function decodeData(bytes: Uint8Array): Data {
  const attributes = decodeAttributes(bytes);
  const verdict = attribute(attributes, NFTA_DATA_VERDICT);
  if (verdict !== undefined) return { verdict: decodeVerdict(verdict) };
  const value = attribute(attributes, NFTA_DATA_VALUE);
  if (value === undefined) throw new MalformedMessage('netfilter data of neither a value nor a verdict');
  return { value };
}

function decodeVerdict(bytes: Uint8Array): Verdict {
  const attributes = decodeAttributes(bytes);
  const code = readBe32(attribute(attributes, NFTA_VERDICT_CODE) ?? new Uint8Array());
  if (code === JUMP || code === GOTO) {
    const chain = attribute(attributes, NFTA_VERDICT_CHAIN);
    if (chain === undefined) throw new MalformedMessage('a verdict that jumps to no chain');
    return code === JUMP ? { jump: readText(chain) } : { goto: readText(chain) };
  }
  const plain = (Object.keys(CODE) as (keyof typeof CODE)[]).find((name) => CODE[name] === code);
  if (plain === undefined) throw new MalformedMessage(`the verdict ${code}`);
  return plain;
}
