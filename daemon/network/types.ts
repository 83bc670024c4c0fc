/** What the rooms of the network tell each other. Addresses are canonical text (address.ts): "10.1.2.3", "fd00::5". */
import type { Protocol } from '../../shared/api/network.ts';

/** One subnet of a network. */
export interface NetworkSubnet {
  readonly family: 4 | 6;
  /** Canonical, such as "10.1.2.0/24". */
  readonly subnet: string;
  /** The host's address in it. */
  readonly gateway: string;
  /** Where addresses are taken from; undefined: all of the subnet. */
  readonly range: string | undefined;
}

/** A network as the data plane and the firewall see it. */
export interface NetworkShape {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** The bridge on the host. */
  readonly bridge: string;
  readonly mtu: number;
  readonly internal: boolean;
  readonly interContainer: boolean;
  /** At most one of each family. */
  readonly subnets: readonly NetworkSubnet[];
}

/** One end in a container. */
export interface EndpointShape {
  /** The veth on the host, attached to the bridge. */
  readonly hostInterface: string;
  readonly bridge: string;
  readonly mtu: number;
  /** In the container. */
  readonly interface: string;
  readonly mac: string;
  /** With prefix length, such as "10.1.2.3/24". */
  readonly addresses: readonly string[];
  /** Reaches no other endpoint of its bridge that is isolated too: of a network without `interContainer`. Default false. */
  readonly isolated?: boolean;
  /** Gateways of the default routes; empty where another network, or none, has them. */
  readonly gateways: readonly string[];
}

/** Consecutive ports of the host that lead to as many consecutive ones of a container. */
export interface PortMapping {
  readonly protocol: Protocol;
  /** An address of the host, "0.0.0.0", or "::". One mapping is of one family. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly count: number;
  /** Of the same family as hostAddress. */
  readonly containerAddress: string;
  readonly containerPort: number;
}

/** All that the host is to have; what it has beyond, and is ours, goes. */
export interface FirewallState {
  readonly networks: readonly NetworkShape[];
  readonly ports: readonly PortMapping[];
}

/** What the rooms need of a logger. */
export interface NetworkLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
