/** The subnets of a new network: those asked for, checked against all that is there, and those of the pools. */
import type { NetworkCreateRequest, Subnet } from '../../../shared/api/network.ts';
import { formatPrefix, overlaps, parseCidr, type Prefix } from '../../network/address.ts';
import { chooseSubnet, randomPool, uniqueLocalPool, type AddressPool } from '../../network/ipam/pools.ts';
import { SubnetError, checkSubnet, subnetOf } from '../../network/ipam/subnets.ts';
import type { NetworkShape, NetworkSubnet } from '../../network/types.ts';
import { EngineError } from '../errors.ts';
import type { NetworkContext } from './context.ts';

interface Taken {
  readonly prefix: Prefix;
  /** Such as "10.1.2.0/24 of network web". */
  readonly whose: string;
}

/**
 * IPv4 first. `families`: which ones it has. Throws `invalid_field`, `subnet_overlap`, `pool_exhausted`. The daemon's own
 * IPv6 prefix is chosen here, at the first need of one.
 */
export function chooseSubnets(
  context: NetworkContext,
  request: Pick<NetworkCreateRequest, 'subnets'>,
  families: ReadonlySet<4 | 6>,
): NetworkSubnet[] {
  const taken = takenBy(context);
  const chosen = new Map<4 | 6, NetworkSubnet>();
  for (const [index, asked] of (request.subnets ?? []).entries()) {
    const field = `subnets[${index}]`;
    const subnet = checked(asked, field);
    if (!families.has(subnet.family)) {
      throw invalid(`${field}.subnet`, `${subnet.subnet} is of IPv${subnet.family}, which is not asked for`);
    }
    if (chosen.has(subnet.family)) {
      throw invalid(`${field}.subnet`, `${subnet.subnet} is the second one of IPv${subnet.family}`);
    }
    checkOverlap(subnet, taken, `${field}.subnet`);
    chosen.set(subnet.family, subnet);
  }
  for (const family of families) {
    if (!chosen.has(family)) chosen.set(family, fromPools(context, family, taken));
  }
  return [...chosen.values()].sort((a, b) => a.family - b.family);
}

function takenBy(context: NetworkContext): Taken[] {
  const ours = context.networks.reserved().flatMap(({ name, row }) =>
    row.subnets.flatMap(({ subnet }) => {
      const prefix = parseCidr(subnet)?.prefix;
      return prefix === undefined ? [] : [{ prefix, whose: `${subnet} of network ${name}` }];
    }),
  );
  return [...ours, ...ofHost(context.network.prefixes())];
}

function ofHost(prefixes: readonly Prefix[]): Taken[] {
  return prefixes.map((prefix) => ({
    prefix,
    whose: `${formatPrefix(prefix)}, to which the host has a route or an address in it`,
  }));
}

/**
 * Before the bridge of a network is made: the host may have got a route or an address since the network was. Throws
 * `subnet_overlap`.
 */
export function checkStillFree({ bridge, subnets }: NetworkShape, prefixes: readonly Prefix[]): void {
  const taken = ofHost(prefixes);
  for (const { subnet } of subnets) {
    const other = overlapping(subnet, taken);
    if (other === undefined) continue;
    throw new EngineError('subnet_overlap', `bridge ${bridge}: ${subnet} overlaps ${other.whose}`, {
      hint: 'put the containers on a network with another subnet',
    });
  }
}

function checked(asked: Subnet, field: string): NetworkSubnet {
  try {
    return checkSubnet(asked);
  } catch (error) {
    if (!(error instanceof SubnetError)) throw error;
    throw invalid(`${field}.${error.at}`, error.message, error);
  }
}

function checkOverlap({ subnet }: NetworkSubnet, taken: readonly Taken[], field: string): void {
  const other = overlapping(subnet, taken);
  if (other === undefined) return;
  throw new EngineError('subnet_overlap', `${field}: ${subnet} overlaps ${other.whose}`, { field });
}

function overlapping(subnet: string, taken: readonly Taken[]): Taken | undefined {
  const prefix = parseCidr(subnet)?.prefix;
  return prefix === undefined ? undefined : taken.find((one) => overlaps(one.prefix, prefix));
}

function fromPools(context: NetworkContext, family: 4 | 6, taken: readonly Taken[]): NetworkSubnet {
  const configured = context.addressPools.filter(({ base }) => base.family === family);
  const pools = family === 6 && configured.length === 0 ? [uniqueLocal(context)] : configured;
  const prefixes = taken.map(({ prefix }) => prefix);
  const prefix = chooseSubnet(pools, prefixes);
  if (prefix !== undefined) return subnetOf(prefix);
  const words = pools.map(({ base, length }) => `${formatPrefix(base)} in /${length}`).join(', ');
  throw new EngineError(
    'pool_exhausted',
    `no subnet of the IPv${family} pools is free (${words || 'there are none'})`,
    {
      hint: 'name a subnet, or give the daemon more pools (addressPools of its configuration)',
    },
  );
}

/** Of RFC 4193, random, and from then on this daemon's: a network that is made again finds the same neighbourhood. */
function uniqueLocal(context: NetworkContext): AddressPool {
  const kept = parseCidr(context.registry.hostSettings.choice('ula') ?? '')?.prefix;
  if (kept !== undefined) return uniqueLocalPool(kept);
  const pool = randomPool();
  context.journal.commit((registry) => {
    registry.hostSettings.choose('ula', formatPrefix(pool.base));
  });
  return pool;
}

function invalid(field: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field, cause });
}
