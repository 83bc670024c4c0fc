/** Removes networks: first what the host has of them, then the row, so that no bridge is ever without one. */
import { EngineError } from '../errors.ts';
import type { NetworkContext } from './context.ts';
import type { Network } from './network.ts';
import { DEFAULT_NETWORK } from './networks.ts';

/** Containers that a refusal names. */
const MOST_NAMES = 5;

/** Throws `network_not_found`, `ambiguous_reference`, `network_in_use`, `default_network`. */
export async function removeNetwork(context: NetworkContext, ref: string): Promise<void> {
  const network = context.networks.find(ref);
  if (network.name === DEFAULT_NETWORK) {
    throw new EngineError('default_network', `network ${DEFAULT_NETWORK} is the default network, it cannot be removed`);
  }
  checkUnused(context, network);
  await take(context, network);
}

/** All that no container has a place in and `admits` lets go, but the default one; their names. */
export async function pruneNetworks(
  context: NetworkContext,
  admits: (row: Network['row']) => boolean = () => true,
): Promise<string[]> {
  const used = new Set(context.registry.endpoints.networks());
  const unused = [...context.networks].filter(
    ({ id, name, row }) => name !== DEFAULT_NETWORK && !used.has(id) && admits(row),
  );
  const removed: string[] = [];
  for (const network of unused) {
    // others may have come to use it, or removed it, while those before went
    if (context.networks.get(network.id) !== network) continue;
    if (context.registry.endpoints.ofNetwork(network.id).length > 0) continue;
    await take(context, network);
    removed.push(network.name);
  }
  return removed;
}

function checkUnused(context: NetworkContext, network: Network): void {
  const ids = context.registry.endpoints.ofNetwork(network.id).map(({ container }) => container);
  if (ids.length === 0) return;
  const names = ids.slice(0, MOST_NAMES).map((id) => context.containers.get(id)?.name ?? id.slice(0, 12));
  const more = ids.length > MOST_NAMES ? ` and ${ids.length - MOST_NAMES} more` : '';
  throw new EngineError('network_in_use', `network ${network.name} is in use by ${names.join(', ')}${more}`, {
    hint: 'remove or disconnect its containers first',
  });
}

async function take(context: NetworkContext, network: Network): Promise<void> {
  const { networks } = context;
  networks.leave(network);
  try {
    await context.network.forget(network.row);
    context.journal.commitEnd(
      (registry) => {
        registry.networks.delete(network.id);
      },
      { action: 'network_destroy', network: network.row },
    );
  } catch (error) {
    networks.left(network, 'kept');
    throw error;
  }
  networks.left(network, 'removed');
}
