/**
 * Addresses of endpoints: taken in memory here, and leased by rows in the caller's transaction; where that fails the
 * caller gives them back. Nothing here waits, so nobody comes between.
 */
import { formatAddress, parseAddress } from '../../network/address.ts';
import { type AddressBook, type AddressRefusal, counterpart } from '../../network/ipam/address-book.ts';
import type { FreedLease, LeaseRow } from '../../registry/leases.ts';
import { EngineError } from '../errors.ts';
import type { Network } from './network.ts';
import type { Networks } from './networks.ts';

/** Canonical, without prefix length; null: none. */
export interface Addresses {
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

export interface AskedAddresses {
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
}

const REFUSALS: Readonly<Record<AddressRefusal, string>> = {
  not_an_address: 'is no address',
  outside: 'is outside',
  gateway: "is the gateway, the host's own address, of",
  reserved: 'stands for the whole of',
  taken: 'is taken in',
};

/**
 * Takes the addresses that were asked for, null where none was. `field`: the object in the request that asks, such as
 * "network.networks[0]"; "" for its top. Throws `invalid_field`, `address_taken`.
 */
export function takeStatic(network: Network, asked: AskedAddresses, field: string): Addresses {
  const prefix = field === '' ? '' : `${field}.`;
  const ipv4 = takeOne(network, 4, asked.ipv4, `${prefix}ipv4`);
  try {
    return { ipv4, ipv6: takeOne(network, 6, asked.ipv6, `${prefix}ipv6`) };
  } catch (error) {
    if (ipv4 !== null) network.addresses(4)?.release(ipv4);
    throw error;
  }
}

function takeOne(network: Network, family: 4 | 6, asked: string | undefined, field: string): string | null {
  if (asked === undefined) return null;
  const address = parseAddress(asked);
  if (address === undefined) throw new EngineError('invalid_field', `${field}: "${asked}" is no address`, { field });
  const book = network.addresses(family);
  if (book === undefined) {
    throw new EngineError('invalid_field', `${field}: network ${network.name} has no IPv${family}`, { field });
  }
  const canonical = formatAddress(address);
  const refusal = book.take(canonical);
  if (refusal === undefined) return canonical;
  const subnet = network.row.subnets.find((one) => one.family === family)?.subnet ?? '';
  const words = `${field}: ${canonical} ${REFUSALS[refusal]} ${subnet} of network ${network.name}`;
  throw new EngineError(refusal === 'taken' ? 'address_taken' : 'invalid_field', words, { field });
}

/**
 * For a start: an address of each family that the network has. `kept` are those the container has already, asked for and
 * leased; the IPv6 one is the counterpart of the IPv4 one where that is free. Those of the answer that are not in `kept`
 * are taken now, and dynamic. Throws `pool_exhausted`.
 */
export function takeDynamic(network: Network, kept: Addresses): Addresses {
  const ipv4 = kept.ipv4 ?? nextOf(network, 4);
  try {
    return { ipv4, ipv6: kept.ipv6 ?? nextOf(network, 6, ipv4) };
  } catch (error) {
    if (ipv4 !== null && kept.ipv4 === null) network.addresses(4)?.release(ipv4);
    throw error;
  }
}

function nextOf(network: Network, family: 4 | 6, twin: string | null = null): string | null {
  const book = network.addresses(family);
  if (book === undefined) return null;
  const preferred = twin === null ? undefined : counterpartOf(book, network.addresses(4), twin);
  const address = book.next(preferred);
  if (address !== undefined) return address;
  throw new EngineError('pool_exhausted', `network ${network.name} has no free IPv${family} address left`, {
    hint: 'remove containers of it, or make a network with a larger subnet',
  });
}

function counterpartOf(six: AddressBook, four: AddressBook | undefined, twin: string) {
  const address = parseAddress(twin);
  return four === undefined || address === undefined
    ? undefined
    : counterpart(six.subnet, { subnet: four.subnet, address });
}

/** The rows of one endpoint's addresses, one a family that it has. */
export function leasesOf(addresses: Addresses, whose: Omit<LeaseRow, 'family' | 'address'>): LeaseRow[] {
  const rows: LeaseRow[] = [];
  if (addresses.ipv4 !== null) rows.push({ ...whose, family: 4, address: addresses.ipv4 });
  if (addresses.ipv6 !== null) rows.push({ ...whose, family: 6, address: addresses.ipv6 });
  return rows;
}

/** What was taken in vain, or is not leased any more. A network that is gone has taken its addresses along. */
export function giveBack(networks: Networks, freed: readonly FreedLease[]): void {
  for (const { network, family, address } of freed) networks.get(network)?.addresses(family)?.release(address);
}
