/** What the verbs of networks work with. */
import type { Prefix } from '../../network/address.ts';
import type { AddressPool } from '../../network/ipam/pools.ts';
import type { NetworkShape } from '../../network/types.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Journal } from '../journal.ts';
import type { Places } from '../places.ts';
import type { Networks } from './networks.ts';

/** The host as it is now. */
export interface NetworkHost {
  /** Where its routes lead, but the default ones, and what its addresses are in: no network must overlap them. */
  prefixes(): readonly Prefix[];
  hasInterface(name: string): boolean;
  /** The kernel has IPv6. */
  readonly hasIpv6: boolean;
  /** Takes away the bridge and all else that the host has of a network; nothing where there is nothing. */
  forget(network: NetworkShape): void | Promise<void>;
}

export interface NetworkContext {
  readonly networks: Networks;
  readonly containers: { get(id: string): { readonly name: string } | undefined };
  readonly registry: Pick<Registry, 'networks' | 'endpoints' | 'hostSettings'>;
  readonly journal: Journal;
  readonly places: Pick<Places, 'networkTag'>;
  /** Of both families; where none is of IPv6, that is of a prefix of the daemon's own. */
  readonly addressPools: readonly AddressPool[];
  readonly network: NetworkHost;
}
