/** Reads networks and leases from the registry into memory. */
import type { Registry } from '../../registry/registry.ts';
import { Network } from './network.ts';
import type { Networks } from './networks.ts';

export function loadNetworks(registry: Registry, networks: Networks): void {
  for (const row of registry.networks.all()) networks.add(new Network(row));
  for (const { network, family, address } of registry.leases.all()) {
    networks.get(network)?.addresses(family)?.take(address);
  }
}
