/**
 * The addresses of one subnet: which are taken, and which is next. In memory; the registry's leases are what lasts, and
 * under a unique constraint of their own.
 *
 * Addresses that nobody asks for by number go round: the next free one after the last that was given, so that one that
 * was given back rests as long as there are others. They are kept as bits, 32 to a word, so that the next free one of a
 * subnet that is nearly full is a matter of words, not of addresses.
 */
import type { NetworkSubnet } from '../types.ts';
import { type Address, contains, formatAddress, lastOf, parseAddress, parseCidr, sizeOf } from '../address.ts';
import type { Prefix } from '../address.ts';

/** Of a larger range so many are gone round; addresses beyond are had by asking for them. */
export const WINDOW = 1 << 24;
const ALL = 0xffff_ffff;

/** Why an address cannot be had: `reserved` is the subnet's first address, and in IPv4 its last. */
export type AddressRefusal = 'not_an_address' | 'outside' | 'gateway' | 'reserved' | 'taken';

export class AddressBook {
  readonly subnet: Prefix;
  readonly gateway: Address;
  /** The first address that is gone round, and how many there are. */
  private readonly base: bigint;
  private readonly size: number;
  /** Bit by bit what cannot be given, for those gone round; absent words are zero. */
  private readonly words = new Map<number, number>();
  /** What is taken beyond them. */
  private readonly beyond = new Set<bigint>();
  private free: number;
  /** Where the next search begins. */
  private cursor = 0;

  /** Throws RangeError for what is no subnet with its gateway. */
  constructor({ subnet, gateway, range }: Pick<NetworkSubnet, 'subnet' | 'gateway' | 'range'>) {
    const prefix = parseCidr(subnet)?.prefix;
    const host = parseAddress(gateway);
    const round = range === undefined ? prefix : parseCidr(range)?.prefix;
    if (prefix === undefined || host === undefined || round === undefined) {
      throw new RangeError(`no subnet: ${subnet}, ${gateway}, ${String(range)}`);
    }
    this.subnet = prefix;
    this.gateway = host;
    this.base = round.value;
    const size = sizeOf(round);
    this.size = size > BigInt(WINDOW) ? WINDOW : Number(size);
    this.free = this.size;
    for (const value of [host.value, ...reservedOf(prefix)]) this.mark(value);
  }

  /** How many can be given without asking for one. */
  get left(): number {
    return this.free;
  }

  /** Takes `preferred` if it can be had, else the next one. undefined: all are taken. */
  next(preferred?: Address): string | undefined {
    if (preferred !== undefined && this.holds(preferred.value) && this.refusal(preferred) === undefined) {
      this.mark(preferred.value);
      return formatAddress(preferred);
    }
    const offset = this.search();
    if (offset === undefined) return undefined;
    this.cursor = offset + 1 === this.size ? 0 : offset + 1;
    const value = this.base + BigInt(offset);
    this.mark(value);
    return formatAddress({ family: this.subnet.family, value });
  }

  /** Takes this one; undefined, or why it cannot be had. */
  take(text: string): AddressRefusal | undefined {
    const address = parseAddress(text);
    if (address === undefined) return 'not_an_address';
    const refusal = this.refusal(address);
    if (refusal === undefined) this.mark(address.value);
    return refusal;
  }

  /** Why it could not be had now. */
  refusal(address: Address): AddressRefusal | undefined {
    if (!contains(this.subnet, address)) return 'outside';
    if (address.value === this.gateway.value) return 'gateway';
    if (reservedOf(this.subnet).includes(address.value)) return 'reserved';
    return this.isMarked(address.value) ? 'taken' : undefined;
  }

  /** Gives it back; what was not taken is ignored. */
  release(text: string): void {
    const address = parseAddress(text);
    if (address === undefined || this.refusal(address) !== 'taken') return;
    const { value } = address;
    if (!this.holds(value)) {
      this.beyond.delete(value);
      return;
    }
    const offset = Number(value - this.base);
    const left = this.wordAt(offset >>> 5) & ~(1 << (offset & 31));
    if (left === 0) this.words.delete(offset >>> 5);
    else this.words.set(offset >>> 5, left);
    this.free += 1;
  }

  /** It is one of those gone round. */
  private holds(value: bigint): boolean {
    return value >= this.base && value < this.base + BigInt(this.size);
  }

  private isMarked(value: bigint): boolean {
    if (!this.holds(value)) return this.beyond.has(value);
    const offset = Number(value - this.base);
    return (this.wordAt(offset >>> 5) & (1 << (offset & 31))) !== 0;
  }

  private mark(value: bigint): void {
    if (this.isMarked(value)) return;
    if (!this.holds(value)) {
      this.beyond.add(value);
      return;
    }
    const offset = Number(value - this.base);
    this.words.set(offset >>> 5, this.wordAt(offset >>> 5) | (1 << (offset & 31)));
    this.free -= 1;
  }

  private wordAt(index: number): number {
    return this.words.get(index) ?? 0;
  }

  /** Of the first free one from the cursor on, round the end. */
  private search(): number | undefined {
    if (this.free === 0) return undefined;
    const count = Math.ceil(this.size / 32);
    const start = this.cursor >>> 5;
    // bits before the cursor are looked at last: in its word again, once all others are seen
    let hidden = ~(ALL << (this.cursor & 31));
    for (let step = 0; step <= count; step++) {
      const index = (start + step) % count;
      const free = ~(this.wordAt(index) | hidden | this.missing(index));
      if (free !== 0) return index * 32 + (31 - Math.clz32(free & -free));
      hidden = 0;
    }
    return undefined;
  }

  /** Bits of the last word that stand for nothing. */
  private missing(index: number): number {
    const bits = this.size - index * 32;
    return bits >= 32 ? 0 : ALL << bits;
  }
}

/** The address of the subnet itself (in IPv6 that of any router in it: RFC 4291 section 2.6.1), and IPv4's broadcast. */
function reservedOf(subnet: Prefix): bigint[] {
  return subnet.family === 4 ? [subnet.value, lastOf(subnet).value] : [subnet.value];
}

/**
 * The IPv6 address with the same host part as an IPv4 one, so that they are known for one another's: 10.1.2.3 of
 * 10.1.0.0/16 is fd00::203 of fd00::/64. undefined where the subnet has no room for it.
 */
export function counterpart(subnet: Prefix, of: { readonly subnet: Prefix; readonly address: Address }) {
  const host = of.address.value - of.subnet.value;
  const address: Address = { family: subnet.family, value: subnet.value + host };
  return host >= 0n && contains(subnet, address) ? address : undefined;
}
