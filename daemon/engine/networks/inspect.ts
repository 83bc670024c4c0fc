/** What there is to say about networks. */
import type { NetworkDetail, NetworkListQuery, NetworkSummary } from '../../../shared/api/network.ts';
import type { NetworkRow } from '../../registry/networks.ts';
import { hasLabel } from '../events.ts';
import type { NetworkContext } from './context.ts';

/** Oldest first. */
export function listNetworks(context: NetworkContext, query: NetworkListQuery): NetworkSummary[] {
  const { name, id, label: labels } = query;
  return [...context.networks]
    .map(({ row }) => row)
    .filter(
      (row) =>
        (name === undefined || row.name.includes(name)) &&
        (id === undefined || row.id.startsWith(id)) &&
        (labels === undefined || labels.every((label) => hasLabel(row.labels, label))),
    )
    .map(summaryOf);
}

/** With the containers that have a veth in it now. */
export function inspectNetwork(context: NetworkContext, ref: string): NetworkDetail {
  const { row } = context.networks.find(ref);
  const containers: NetworkDetail['containers'] = {};
  for (const { container, live } of context.registry.endpoints.ofNetwork(row.id)) {
    if (live === null) continue;
    containers[container] = {
      name: context.containers.get(container)?.name ?? '',
      mac: live.mac,
      ...addressesOf(row, live),
    };
  }
  return { ...summaryOf(row), containers };
}

/** With the prefix lengths of the network's subnets, as they are on the interface. */
export function addressesOf(
  { subnets }: Pick<NetworkRow, 'subnets'>,
  { ipv4, ipv6 }: { readonly ipv4: string | null; readonly ipv6: string | null },
): { ipv4?: string; ipv6?: string } {
  const lengthOf = (family: 4 | 6) => subnets.find((one) => one.family === family)?.subnet.split('/')[1] ?? '';
  return {
    ...(ipv4 === null ? {} : { ipv4: `${ipv4}/${lengthOf(4)}` }),
    ...(ipv6 === null ? {} : { ipv6: `${ipv6}/${lengthOf(6)}` }),
  };
}

function summaryOf(row: NetworkRow): NetworkSummary {
  const { id, name, bridge, internal, interContainer, mtu, labels, createdAt } = row;
  return {
    id,
    name,
    driver: 'bridge',
    bridge,
    internal,
    interContainer,
    mtu,
    subnets: row.subnets.map(({ subnet, gateway, range }) => ({
      subnet,
      gateway,
      ...(range === undefined ? {} : { range }),
    })),
    labels,
    createdAt,
  };
}
