/** The network of containers that name none. */
import type { NetworkContext } from './context.ts';
import { makeNetwork } from './create.ts';
import type { Network } from './network.ts';
import { DEFAULT_NETWORK } from './networks.ts';

/**
 * Made where it is not there yet. It commits a row of its own, so it is no part of a transaction. Throws
 * `pool_exhausted`, `disk_full`.
 */
export function ensureDefaultNetwork(context: NetworkContext): Network {
  return context.networks.named(DEFAULT_NETWORK) ?? makeNetwork(context, { name: DEFAULT_NETWORK }).network;
}
