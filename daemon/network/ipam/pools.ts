/** Where subnets come from that nobody asks for by number. */
import { randomBytes } from 'node:crypto';
import { bitsOf, formatPrefix, lastOf, parseCidr, sizeOf, type Prefix } from '../address.ts';
import { longestSubnet, unfitness } from './fit.ts';

/** A prefix that is cut into subnets of `length` bits. */
export interface AddressPool {
  readonly base: Prefix;
  readonly length: number;
}

/** Of private addresses (RFC 1918) those that home and office networks use the least. */
export const DEFAULT_POOLS: readonly AddressPool[] = [
  poolOf({ base: '172.16.0.0/12', size: 20 }),
  poolOf({ base: '10.128.0.0/9', size: 20 }),
];

/** As the configuration has it. Throws RangeError with what is wrong. */
export function poolOf({ base, size }: { readonly base: string; readonly size: number }): AddressPool {
  const parsed = parseCidr(base);
  if (parsed === undefined) throw new RangeError(`"${base}" is no address with a prefix length`);
  const { prefix, address } = parsed;
  if (address.value !== prefix.value)
    throw new RangeError(`${base} has bits after its prefix: ${formatPrefix(prefix)}`);
  const longest = longestSubnet(prefix.family);
  if (!Number.isInteger(size) || size < prefix.length || size > longest) {
    throw new RangeError(
      `${base} cannot be cut into subnets of /${size}: from /${prefix.length} to /${longest} it can`,
    );
  }
  const unfit = unfitness({ ...prefix, length: Math.min(prefix.length, longest) });
  if (unfit !== undefined) throw new RangeError(`${base} ${unfit}`);
  return { base: prefix, length: size };
}

/** RFC 4193: fd00::/8 and 40 random bits, cut into /64. */
export function randomPool(): AddressPool {
  return uniqueLocalPool({ family: 6, value: BigInt(`0xfd${randomBytes(5).toString('hex')}`) << 80n, length: 48 });
}

export function uniqueLocalPool(base: Prefix): AddressPool {
  return { base, length: 64 };
}

/** The first subnet of the pools, in their order, that meets nothing of `taken`; undefined: there is none. */
export function chooseSubnet(pools: readonly AddressPool[], taken: readonly Prefix[]): Prefix | undefined {
  for (const pool of pools) {
    const found = chooseFrom(pool, taken);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One walk through the pool and what is taken of it, both in order: candidates are never tried one by one. */
function chooseFrom({ base, length }: AddressPool, taken: readonly Prefix[]): Prefix | undefined {
  const { family } = base;
  const step = 1n << BigInt(bitsOf(family) - length);
  const end = base.value + sizeOf(base);
  const inOrder = taken
    .filter((prefix) => prefix.family === family && prefix.value < end && lastOf(prefix).value >= base.value)
    .sort((a, b) => (a.value < b.value ? -1 : 1));
  let candidate = base.value;
  for (const prefix of inOrder) {
    if (prefix.value >= candidate + step) break;
    const after = lastOf(prefix).value + 1n;
    // to the next boundary
    if (after > candidate) candidate = base.value + ((after - base.value + step - 1n) / step) * step;
  }
  return candidate < end ? { family, value: candidate, length } : undefined;
}
