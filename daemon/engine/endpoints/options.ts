/** What the daemon was told of networks when it was started. */
import { type AddressPool, DEFAULT_POOLS } from '../../network/ipam/pools.ts';
import type { DefaultNetwork } from './mode.ts';

/** A bridge has 1,023 ports (BR_MAX_PORTS of net/bridge/br_private.h, but for 0): all but some that join bridges. */
export const BRIDGE_PORTS_MAX = 1000;

export interface NetworkOptions {
  /** The mode of containers that do not say theirs. */
  readonly defaultNetwork: DefaultNetwork;
  /** Where ports are published that do not say where; canonical. undefined: at all addresses of both families. */
  readonly publishAddress: string | undefined;
  /** Where subnets are cut from, in their order; without one of IPv6, from a prefix of the daemon's own. */
  readonly addressPools: readonly AddressPool[];
  /** How many containers one bridge of a network has, before it gets a further one; 1 to BRIDGE_PORTS_MAX. */
  readonly bridgePorts: number;
}

export const NETWORK_DEFAULTS: NetworkOptions = {
  defaultNetwork: 'bridge',
  publishAddress: undefined,
  addressPools: DEFAULT_POOLS,
  bridgePorts: BRIDGE_PORTS_MAX,
};
