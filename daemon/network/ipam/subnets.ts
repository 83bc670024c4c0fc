/** A subnet as it is asked for: what is wrong with it, or what it is. */
import {
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  parseAddress,
  parseCidr,
  sizeOf,
  type Address,
  type Prefix,
} from '../address.ts';
import type { NetworkSubnet } from '../types.ts';
import { unfitness } from './fit.ts';

/** Subnet of shared/api/network.ts. */
export interface AskedSubnet {
  readonly subnet: string;
  readonly gateway?: string;
  readonly range?: string;
}

/** `at`: the property of the request that is wrong; `words`: what follows its name. */
export class SubnetError extends Error {
  override name = 'SubnetError';
  readonly at: keyof AskedSubnet;

  constructor(at: keyof AskedSubnet, words: string) {
    super(words);
    this.at = at;
  }
}

/** Canonical. Throws SubnetError. */
export function checkSubnet(asked: AskedSubnet): NetworkSubnet {
  const subnet = prefixAt('subnet', asked.subnet);
  const unfit = unfitness(subnet);
  if (unfit !== undefined) throw new SubnetError('subnet', `${asked.subnet} ${unfit}`);
  const gateway = asked.gateway === undefined ? firstOf(subnet) : gatewayOf(asked.gateway, subnet);
  const range = asked.range === undefined ? undefined : rangeOf(asked.range, subnet, gateway);
  return {
    family: subnet.family,
    subnet: formatPrefix(subnet),
    gateway: formatAddress(gateway),
    range: range === undefined ? undefined : formatPrefix(range),
  };
}

/** One of a pool, with the default gateway. */
export function subnetOf(prefix: Prefix): NetworkSubnet {
  return {
    family: prefix.family,
    subnet: formatPrefix(prefix),
    gateway: formatAddress(firstOf(prefix)),
    range: undefined,
  };
}

/** The one after the subnet's own. */
function firstOf({ family, value }: Prefix): Address {
  return { family, value: value + 1n };
}

/** Without bits after the prefix: who writes 10.1.2.3/24 may have meant an address. */
function prefixAt(at: keyof AskedSubnet, text: string): Prefix {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new SubnetError(at, `"${text}" is no address with a prefix length`);
  const { address, prefix } = parsed;
  if (address.value !== prefix.value) {
    throw new SubnetError(at, `${text} has bits after its prefix: ${formatPrefix(prefix)} has not`);
  }
  return prefix;
}

function gatewayOf(text: string, subnet: Prefix): Address {
  const gateway = parseAddress(text);
  if (gateway === undefined) throw new SubnetError('gateway', `"${text}" is no address`);
  if (!contains(subnet, gateway)) throw new SubnetError('gateway', `${text} is outside ${formatPrefix(subnet)}`);
  if (gateway.value === subnet.value || (subnet.family === 4 && gateway.value === lastOf(subnet).value)) {
    throw new SubnetError('gateway', `${text} stands for the whole of ${formatPrefix(subnet)}`);
  }
  return gateway;
}

function rangeOf(text: string, subnet: Prefix, gateway: Address): Prefix {
  const range = prefixAt('range', text);
  if (range.length < subnet.length || !contains(subnet, range)) {
    throw new SubnetError('range', `${text} is outside ${formatPrefix(subnet)}`);
  }
  if (freeIn(range, subnet, gateway) === 0n) throw new SubnetError('range', `${text} has no address for a container`);
  return range;
}

function freeIn(range: Prefix, subnet: Prefix, gateway: Address): bigint {
  const last = lastOf(subnet);
  const used = [subnet, gateway, ...(subnet.family === 4 ? [last] : [])].filter((address) => contains(range, address));
  return sizeOf(range) - BigInt(used.length);
}
