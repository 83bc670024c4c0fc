/** What networks and published ports are in the table's sets and maps. */
import type { NetworkShape, PortMapping } from '../types.ts';
import type { Change } from '../netfilter/nftables/change.ts';
import { addElements, deleteElements, type Element } from '../netfilter/nftables/elements.ts';
import type { TableName } from '../netfilter/nftables/protocol.ts';
import type { SetShape } from '../netfilter/nftables/sets.ts';
import { APART, BOUND_PORTS, BRIDGES, GATEWAYS, INTERNAL, PORTS, SUBNETS, WITHIN } from './sets.ts';

/** Elements of one set. */
export interface Members {
  readonly set: SetShape;
  readonly elements: readonly Element[];
}

/** A subnet is its own only once: two networks never overlap. */
export function membersOfNetworks(networks: readonly NetworkShape[]): Members[] {
  const named = (set: SetShape, chosen: readonly NetworkShape[]): Members => ({
    set,
    elements: chosen.map(({ bridge }) => ({ key: [bridge] })),
  });
  const all: Members[] = [
    named(BRIDGES, networks),
    named(INTERNAL, networks.filter(({ internal }) => internal)), // prettier-ignore
    { set: WITHIN, elements: networks.map(({ bridge }) => ({ key: [bridge, bridge] })) },
    named(APART, networks.filter(({ interContainer }) => !interContainer)), // prettier-ignore
  ];
  for (const family of [4, 6] as const) {
    const subnets = networks.flatMap((network) =>
      network.subnets
        .filter((subnet) => subnet.family === family)
        .map((subnet) => ({ ...subnet, bridge: network.bridge })),
    );
    all.push(
      { set: GATEWAYS[family], elements: subnets.map(({ gateway }) => ({ key: [gateway] })) },
      { set: SUBNETS[family], elements: subnets.map(({ bridge, subnet }) => ({ key: [bridge, subnet] })) },
    );
  }
  return all.filter(({ elements }) => elements.length > 0);
}

const familyOf = ({ containerAddress }: PortMapping): 4 | 6 => (containerAddress.includes(':') ? 6 : 4);

/** Whether it is published at every address of its family. */
const isWild = ({ hostAddress }: PortMapping): boolean => hostAddress === '0.0.0.0' || hostAddress === '::';

/** One element a port. */
export function membersOfPorts(mappings: readonly PortMapping[]): Members[] {
  const bySet = new Map<SetShape, Element[]>();
  for (const mapping of mappings) {
    const family = familyOf(mapping);
    const wild = isWild(mapping);
    const set = wild ? PORTS[family] : BOUND_PORTS[family];
    const elements = bySet.get(set) ?? [];
    bySet.set(set, elements);
    for (let at = 0; at < mapping.count; at++) {
      const port = [mapping.protocol, mapping.hostPort + at];
      elements.push({
        key: wild ? port : [mapping.hostAddress, ...port],
        data: [mapping.containerAddress, mapping.containerPort + at],
      });
    }
  }
  return [...bySet].map(([set, elements]) => ({ set, elements }));
}

export function additions(table: TableName, members: readonly Members[]): Change[] {
  return members.map(({ set, elements }) => addElements(table, set, elements));
}

export function removals(table: TableName, members: readonly Members[]): Change[] {
  return members.map(({ set, elements }) =>
    deleteElements(
      table,
      set,
      elements.map(({ key }) => key),
    ),
  );
}

/** "tcp 192.0.2.1:8080-8089 to 10.1.2.3:80-89". */
export function describeMapping(mapping: PortMapping): string {
  const end = (address: string, port: number): string => {
    const ports = mapping.count === 1 ? String(port) : `${port}-${port + mapping.count - 1}`;
    return `${address.includes(':') ? `[${address}]` : address}:${ports}`;
  };
  const { protocol, hostAddress, hostPort, containerAddress, containerPort } = mapping;
  return `${protocol} ${end(hostAddress, hostPort)} to ${end(containerAddress, containerPort)}`;
}
