/** What one run of a container has in its networks: leased, recorded, attached, and given back. */
import { randomBytes } from 'node:crypto';
import { bytesOf, parseAddress } from '../../network/address.ts';
import type { EndpointShape } from '../../network/types.ts';
import type { EndpointRow, LiveEndpoint } from '../../registry/endpoints.ts';
import type { LeaseRow } from '../../registry/leases.ts';
import type { PortRow } from '../../registry/ports.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { giveBack, leasesOf, takeDynamic } from '../networks/addresses.ts';
import { vethPrefix } from '../networks/bridge-name.ts';
import type { Network } from '../networks/network.ts';
import { EngineError } from '../errors.ts';
import { freePorts, portsOf, type PortTargets, takePorts } from './ports.ts';
import { interfaceNames } from './wish.ts';

/** An endpoint that has what a run needs of it. */
export interface LiveRow extends EndpointRow {
  readonly live: LiveEndpoint;
}

export interface Leased {
  readonly endpoints: readonly LiveRow[];
  /** Taken for this run; static ones are the container's already. */
  readonly leases: readonly LeaseRow[];
  readonly ports: readonly PortRow[];
}

const NOTHING: Leased = { endpoints: [], leases: [], ports: [] };

export function networkOf(context: Context, row: Pick<EndpointRow, 'network'>): Network {
  const network = context.networks.get(row.network);
  if (network === undefined) throw new EngineError('network_not_found', `there is no network ${row.network}`);
  return network;
}

/**
 * Takes addresses and ports in memory; record makes it true, and where that fails releaseLeased gives it back.
 * Throws `pool_exhausted`, `port_taken`.
 */
export function leaseForRun(context: Context, container: Container): Leased {
  const { endpoints: rows } = container;
  if (rows.length === 0) return NOTHING;
  const names = interfaceNames(rows, interfacesOf(container));
  const leases: LeaseRow[] = [];
  try {
    const endpoints = rows.map((row, index) => {
      const leased = leaseOne(context, row, names[index] ?? '');
      leases.push(...leased.leases);
      return leased.endpoint;
    });
    const routed = withDefaultRoutes(context, endpoints);
    const ports = portsForRun(context, container, routed);
    takePorts(context.network.ports, ports);
    return { endpoints: routed, leases, ports };
  } catch (error) {
    giveBack(context.networks, leases);
    throw error;
  }
}

/** Names of interfaces in the container that are not of its networks. */
export function interfacesOf({ row }: Container): Set<string> {
  return new Set((row.network.interfaces ?? []).map(({ name }) => name));
}

/** Dynamic addresses are taken; it has no default route yet. */
export function leaseOne(
  context: Context,
  row: EndpointRow,
  name: string,
): { readonly endpoint: LiveRow; readonly leases: readonly LeaseRow[] } {
  const network = networkOf(context, row);
  const all = takeDynamic(network, { ipv4: row.ipv4, ipv6: row.ipv6 });
  const hostInterface = vethPrefix(context.places.networkTag) + randomBytes(4).toString('hex');
  const taken = {
    ipv4: row.ipv4 === null ? all.ipv4 : null,
    ipv6: row.ipv6 === null ? all.ipv6 : null,
  };
  const whose = { network: network.id, container: row.container, hostInterface, isStatic: false };
  const mac = row.mac ?? macFor(all.ipv4 ?? all.ipv6);
  const live = { hostInterface, interface: name, mac, ...all, isDefault: false };
  return { endpoint: { ...row, live }, leases: leasesOf(taken, whose) };
}

/** Of the address, so that one that is used again has the same: no neighbour's cache is wrong about it. */
export function macFor(address: string | null): string {
  const parsed = address === null ? undefined : parseAddress(address);
  const bytes = parsed === undefined ? randomBytes(4) : bytesOf(parsed).subarray(-4);
  return ['02', '42', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

const FAMILIES = [
  { family: 4, key: 'ipv4' },
  { family: 6, key: 'ipv6' },
] as const;

/** The one that has the default route of the family: the first of those that lead outside. */
export function holderOf(
  context: Context,
  endpoints: readonly LiveRow[],
  family: 4 | 6,
  admits: (row: LiveRow) => boolean = ({ live }) => live.isDefault,
): LiveRow | undefined {
  const key = family === 4 ? 'ipv4' : 'ipv6';
  return endpoints.find((row) => admits(row) && row.live[key] !== null && !networkOf(context, row).row.internal);
}

/** Of a run that begins: each family by the first endpoint that has it and leads outside. */
export function withDefaultRoutes(context: Context, endpoints: readonly LiveRow[]): LiveRow[] {
  const holders = new Set(FAMILIES.map(({ family }) => holderOf(context, endpoints, family, () => true)));
  return endpoints.map((row) => (holders.has(row) ? { ...row, live: { ...row.live, isDefault: true } } : row));
}

/** Gateways of the default routes that this endpoint has. */
function gatewaysOf(context: Context, row: LiveRow, endpoints: readonly LiveRow[]): string[] {
  return FAMILIES.flatMap(({ family }) => {
    if (holderOf(context, endpoints, family)?.network !== row.network) return [];
    const subnet = networkOf(context, row).row.subnets.find((one) => one.family === family);
    return subnet === undefined ? [] : [subnet.gateway];
  });
}

/** Without prefix length → with it. */
export function cidrsOf(network: Network, live: Pick<LiveEndpoint, 'ipv4' | 'ipv6'>): { ipv4?: string; ipv6?: string } {
  const lengthOf = (family: 4 | 6): string => {
    const subnet = network.row.subnets.find((one) => one.family === family)?.subnet ?? '';
    return subnet.slice(subnet.indexOf('/'));
  };
  return {
    ...(live.ipv4 === null ? {} : { ipv4: live.ipv4 + lengthOf(4) }),
    ...(live.ipv6 === null ? {} : { ipv6: live.ipv6 + lengthOf(6) }),
  };
}

/** As the data plane has it. `endpoints`: all of the container. */
export function shapeOf(context: Context, row: LiveRow, endpoints: readonly LiveRow[]): EndpointShape {
  const network = networkOf(context, row);
  const { ipv4, ipv6 } = cidrsOf(network, row.live);
  return {
    hostInterface: row.live.hostInterface,
    bridge: network.row.bridge,
    mtu: network.row.mtu,
    isolated: !network.row.interContainer,
    interface: row.live.interface,
    mac: row.live.mac,
    addresses: [ipv4, ipv6].filter((address) => address !== undefined),
    gateways: gatewaysOf(context, row, endpoints),
  };
}

export function targetsOf(context: Context, endpoints: readonly LiveRow[]): PortTargets {
  return {
    ipv4: holderOf(context, endpoints, 4)?.live.ipv4 ?? undefined,
    ipv6: holderOf(context, endpoints, 6)?.live.ipv6 ?? undefined,
  };
}

/** Throws `port_taken`. The container's own ports are not to be in the book meanwhile. */
export function portsForRun(
  context: Context,
  container: Container,
  endpoints: readonly LiveRow[],
  publish = container.row.network.publish,
): PortRow[] {
  if (publish.length === 0) return [];
  const { publishAddress } = context.networkOptions;
  const wish = { container: container.id, publish, targets: targetsOf(context, endpoints), publishAddress };
  const nameOf = (id: string): string => context.containers.get(id)?.name ?? id.slice(0, 12);
  return portsOf({ ...wish, present: container.ports }, { book: context.network.ports, nameOf });
}

/** In the transaction that records the intent. */
export function recordLeased(registry: Registry, container: Container, { endpoints, leases, ports }: Leased): void {
  for (const lease of leases) registry.leases.insert(lease);
  for (const row of endpoints) {
    if (row.ipv4 !== null || row.ipv6 !== null) {
      registry.leases.attach(container.id, row.network, row.live.hostInterface);
    }
    registry.endpoints.setLive(container.id, row.network, row.live);
  }
  for (const port of ports) registry.ports.insert(port);
}

/** What was taken in memory and could not be recorded. */
export function giveBackLeased(context: Context, { leases, ports }: Leased): void {
  giveBack(context.networks, leases);
  freePorts(context.network.ports, ports);
}

/** Those that have a veth, or are about to. */
export function liveRows(container: Container): LiveRow[] {
  return container.endpoints.filter((row): row is LiveRow => row.live !== null);
}
