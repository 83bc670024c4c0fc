/** A container's places in networks, as inspect and lists show them. */
import { hash } from 'node:crypto';
import type { ContainerSummary } from '../../../../shared/api/container.ts';
import type { Endpoint, NetworkSummary } from '../../../../shared/api/network.ts';
import type { EndpointSettings } from '../translate/create-body.ts';

/** From this version on the names that a network answers to are told by themselves. */
const DNS_NAMES = 44;

export interface Showing {
  /** Of the API. */
  readonly version: number;
  /** By their ids. */
  readonly networks: ReadonlyMap<string, NetworkSummary>;
  /** What was asked for, by the network's name. */
  readonly asked?: Readonly<Record<string, EndpointSettings>>;
}

type Shown = Pick<ContainerSummary, 'id' | 'name'> & {
  readonly networkMode: string;
  readonly endpoints: readonly Endpoint[];
};

/** `NetworkSettings.Networks` */
export function networksShown(container: Shown, showing: Showing): Record<string, EndpointShown> {
  const { networkMode, endpoints } = container;
  // Docker has networks of these names, with nothing in them
  if (networkMode === 'host' || networkMode === 'none') return { [networkMode]: nothing(container, showing) };
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.networkName, endpointShown(container, endpoint, showing)]),
  );
}

export type EndpointShown = ReturnType<typeof endpointShown>;

function nothing(container: Shown, showing: Showing): EndpointShown {
  return endpointShown(container, { network: '', networkName: '', aliases: [] }, showing);
}

export function endpointShown(container: Shown, endpoint: Endpoint, { version, networks, asked }: Showing) {
  const network = networks.get(endpoint.network);
  const isLive = endpoint.interface !== undefined && endpoint.mac !== undefined;
  const [ipv4 = '', length4 = '0'] = (isLive ? (endpoint.ipv4 ?? '') : '').split('/');
  const [ipv6 = '', length6 = '0'] = (isLive ? (endpoint.ipv6 ?? '') : '').split('/');
  const settings = asked?.[endpoint.networkName] ?? {};
  return {
    IPAMConfig: settings.IPAMConfig ?? null,
    Links: settings.Links ?? null,
    ...namesShown(container, endpoint, version, isLive),
    NetworkID: endpoint.network,
    EndpointID: isLive ? endpointId(container.id, endpoint.network) : '',
    Gateway: ipv4 === '' ? '' : gatewayOf(network, false),
    IPAddress: ipv4,
    IPPrefixLen: ipv4 === '' ? 0 : Number(length4),
    IPv6Gateway: ipv6 === '' ? '' : gatewayOf(network, true),
    GlobalIPv6Address: ipv6,
    GlobalIPv6PrefixLen: ipv6 === '' ? 0 : Number(length6),
    MacAddress: isLive ? (endpoint.mac ?? '') : '',
    DriverOpts: settings.DriverOpts ?? null,
  };
}

/** Aliases: those that were asked for, and in older versions the short id among them while it runs. */
function namesShown({ id, name }: Shown, { networkName, aliases }: Endpoint, version: number, isLive: boolean) {
  const short = id.slice(0, 12);
  const isNamed = networkName !== '' && networkName !== 'bridge';
  const given = aliases.length === 0 ? null : aliases;
  if (version >= DNS_NAMES) {
    const names = isNamed ? [...new Set([name, ...aliases, short])] : null;
    return { Aliases: given, DNSNames: names };
  }
  return { Aliases: isNamed && isLive ? [...new Set([...aliases, short])] : given };
}

/** There are no ids of endpoints here: a text that is as long, and always the same for the same place. */
export function endpointId(container: string, network: string): string {
  return hash('sha256', `${container} ${network}`, 'hex');
}

function gatewayOf(network: NetworkSummary | undefined, isIpv6: boolean): string {
  return network?.subnets.find(({ gateway }) => gateway.includes(':') === isIpv6)?.gateway ?? '';
}
