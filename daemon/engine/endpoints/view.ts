/** A container's networks and ports, as the API shows them. */
import type { Endpoint, PublishedPort } from '../../../shared/api/network.ts';
import type { EndpointRow } from '../../registry/endpoints.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { cidrsOf, holderOf, liveRows } from './live.ts';

export function networkNames(context: Context, { endpoints }: Container): string[] {
  return endpoints.map(({ network }) => context.networks.get(network)?.name ?? network);
}

/** While it runs what is published, else what is asked for. */
export function portsShown({ ports, row }: Container): PublishedPort[] {
  if (ports.length === 0) return row.network.publish.map((published) => ({ ...published }));
  return ports.map(({ protocol, hostAddress, hostPort, count, containerPort }) => ({
    containerPort,
    hostPort,
    count,
    hostAddress,
    protocol,
  }));
}

export function endpointsShown(context: Context, container: Container): Endpoint[] {
  return container.endpoints.map((row) => endpointShown(context, container, row));
}

function endpointShown(context: Context, container: Container, row: EndpointRow): Endpoint {
  const network = context.networks.get(row.network);
  const { live } = row;
  const { aliases } = row;
  const of = { network: row.network, networkName: network?.name ?? '', aliases: [...aliases] };
  if (network === undefined) return of;
  const addresses = cidrsOf(network, live ?? row);
  if (live === null) {
    return { ...of, ...optional('interface', row.interface), ...optional('mac', row.mac), ...addresses };
  }
  const rows = liveRows(container);
  const gateways = ([4, 6] as const).map((family) => {
    if (holderOf(context, rows, family)?.network !== row.network) return null;
    return network.row.subnets.find((subnet) => subnet.family === family)?.gateway ?? null;
  });
  return {
    ...of,
    interface: live.interface,
    mac: live.mac,
    ...addresses,
    ...optional('gateway4', gateways[0] ?? null),
    ...optional('gateway6', gateways[1] ?? null),
  };
}

function optional<K extends string>(key: K, value: string | null): Partial<Record<K, string>> {
  return value === null ? {} : ({ [key]: value } as Record<K, string>);
}
