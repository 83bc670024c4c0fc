/** Networks as Docker's clients see them: those of the engine, and its two that are none. */
import { createHash } from 'node:crypto';
import type { NetworkDetail, NetworkSummary } from '../../../shared/api/network.ts';
import { goTime } from '../time.ts';

const DEFAULT = 'bridge';
const DEFAULT_MTU = 1500;
/** What the engine calls a bridge that nobody named. */
const CHOSEN_BRIDGE = /^tare-[0-9a-f]{4}-[0-9]+$/;

/** Modes of containers that Docker has as networks. They cannot be changed, and always are. */
export interface Pseudo {
  readonly name: 'host' | 'none';
  readonly driver: 'host' | 'null';
  readonly id: string;
}

export const PSEUDO: readonly Pseudo[] = [
  { name: 'host', driver: 'host', id: idOf('host') },
  { name: 'none', driver: 'null', id: idOf('none') },
];

function idOf(name: string): string {
  return createHash('sha256').update(`network ${name}`).digest('hex');
}

/** By its name, its id, or the beginning of one that has no other meaning. */
export function pseudoOf(ref: string): Pseudo | undefined {
  return PSEUDO.find(({ name, id }) => name === ref || (ref.length >= 12 && id.startsWith(ref)));
}

const COMMON = {
  Scope: 'local',
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
};

/** From 1.48 on it is told whether there is IPv4, too. */
const WITH_IPV4_SINCE = 48;

export function pseudoShape({ name, driver, id }: Pseudo, version: number): object {
  return {
    Name: name,
    Id: id,
    Created: goTime(undefined),
    Driver: driver,
    ...(version < WITH_IPV4_SINCE ? {} : { EnableIPv4: true }),
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    ...COMMON,
    Containers: {},
    Options: {},
    Labels: {},
  };
}

export function networkShape(
  network: NetworkSummary,
  version: number,
  containers: NetworkDetail['containers'] = {},
): object {
  const { id, name, driver, createdAt, subnets, internal, labels } = network;
  const isIpv6 = ({ subnet }: { readonly subnet: string }): boolean => subnet.includes(':');
  return {
    Name: name,
    Id: id,
    Created: goTime(createdAt),
    Driver: driver,
    ...(version < WITH_IPV4_SINCE ? {} : { EnableIPv4: subnets.some((subnet) => !isIpv6(subnet)) }),
    EnableIPv6: subnets.some(isIpv6),
    IPAM: {
      Driver: 'default',
      Options: name === DEFAULT ? null : {},
      Config: subnets.map(({ subnet, gateway, range }) => ({
        Subnet: subnet,
        ...(range === undefined ? {} : { IPRange: range }),
        Gateway: gateway,
      })),
    },
    Internal: internal,
    ...COMMON,
    Containers: Object.fromEntries(Object.entries(containers).map(([of, place]) => [of, placeShape(id, of, place)])),
    Options: optionsOf(network),
    Labels: labels,
  };
}

function placeShape(network: string, container: string, place: NetworkDetail['containers'][string]): object {
  return {
    Name: place.name,
    EndpointID: endpointId(network, container),
    MacAddress: place.mac,
    IPv4Address: place.ipv4 ?? '',
    IPv6Address: place.ipv6 ?? '',
  };
}

/** The engine knows a container's place in a network by the two; Docker gives it an id of its own. */
export function endpointId(network: string, container: string): string {
  return createHash('sha256').update(`endpoint ${network} ${container}`).digest('hex');
}

/** Of the default network all; else those that are not as they are by default. */
function optionsOf({ mtu, interContainer, name, bridge }: NetworkSummary): Record<string, string> {
  if (name === DEFAULT) {
    return {
      'com.docker.network.bridge.default_bridge': 'true',
      [OPTIONS.interContainer]: String(interContainer),
      'com.docker.network.bridge.enable_ip_masquerade': 'true',
      'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
      [OPTIONS.bridge]: bridge,
      [OPTIONS.mtu]: String(mtu),
    };
  }
  return {
    ...(mtu === DEFAULT_MTU ? {} : { [OPTIONS.mtu]: String(mtu) }),
    ...(interContainer ? {} : { [OPTIONS.interContainer]: 'false' }),
    ...(CHOSEN_BRIDGE.test(bridge) ? {} : { [OPTIONS.bridge]: bridge }),
  };
}

export const OPTIONS = {
  mtu: 'com.docker.network.driver.mtu',
  interContainer: 'com.docker.network.bridge.enable_icc',
  bridge: 'com.docker.network.bridge.name',
} as const;
