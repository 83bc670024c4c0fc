/**
 * Which container answers to which name, in memory. A container sees the names of the networks it is in and no others;
 * who asks is known by the address it asks from, together with the bridge that the question came in by.
 */

/** One container's place in one network. Addresses are canonical text without a prefix length. */
export interface NamedEndpoint {
  readonly networkId: string;
  /** Names may be asked for with it: "web.backend". */
  readonly networkName: string;
  /** The container's name, unique in the daemon. */
  readonly name: string;
  /** Others may have the same ones. */
  readonly aliases: readonly string[];
  /** Short and long. */
  readonly ids: readonly string[];
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
}

export interface ContainerNames {
  readonly container: string;
  readonly networks: readonly NamedEndpoint[];
  /** Where its questions about the world outside go in place of the host's servers. */
  readonly servers?: readonly string[] | undefined;
}

/** One who may ask. */
export interface Asker {
  readonly container: string;
  readonly servers: readonly string[] | undefined;
  /** By the network's id, in the order in which names are looked up. */
  readonly endpoints: ReadonlyMap<string, NamedEndpoint>;
}

interface Member extends Asker {
  servers: readonly string[] | undefined;
  readonly endpoints: Map<string, NamedEndpoint>;
}

/** Those who have one name in a network. The next question is answered from the next one on, each family by itself. */
interface Holders {
  readonly endpoints: NamedEndpoint[];
  next4: number;
  next6: number;
}

interface NetworkNames {
  readonly byName: Map<string, Holders>;
  readonly byAddress: Map<string, { readonly member: Member; readonly endpoint: NamedEndpoint }>;
}

const LONGEST_LABEL = 63;
const LONGEST_NAME = 253;

export class NameTable {
  private readonly networks = new Map<string, NetworkNames>();
  private readonly members = new Map<string, Member>();

  /** Adds it to `networks`, or replaces what is known of it there; it stays in its other networks. */
  attach({ container, networks, servers }: ContainerNames): void {
    const member: Member = this.members.get(container) ?? { container, servers, endpoints: new Map() };
    member.servers = servers;
    this.members.set(container, member);
    for (const endpoint of networks) {
      const before = member.endpoints.get(endpoint.networkId);
      if (before !== undefined) this.unindex(before);
      member.endpoints.set(endpoint.networkId, endpoint);
      this.index(member, endpoint);
    }
  }

  /** Takes it out of one network, or of all. Who is not there is passed over. */
  detach(container: string, networkId?: string): void {
    const member = this.members.get(container);
    if (member === undefined) return;
    for (const endpoint of networkId === undefined
      ? [...member.endpoints.values()]
      : [member.endpoints.get(networkId)]) {
      if (endpoint === undefined) continue;
      member.endpoints.delete(endpoint.networkId);
      this.unindex(endpoint);
    }
    if (member.endpoints.size === 0) this.members.delete(container);
  }

  rename(container: string, name: string): void {
    const member = this.members.get(container);
    if (member === undefined) return;
    const networks = [...member.endpoints.values()].map((endpoint) => ({ ...endpoint, name }));
    this.attach({ container, networks, servers: member.servers });
  }

  /** Who asks from `address` on the bridge of `networkId`; undefined: nobody of ours. */
  asker(networkId: string, address: string): Asker | undefined {
    return this.networks.get(networkId)?.byAddress.get(address)?.member;
  }

  /**
   * The addresses of a name, in turn another one first; none where its holders have none of that family; undefined
   * where the name is unknown. Where two networks know it, the asker's first one has the say: two that share a name
   * by chance are not mixed up. Case does not matter, nor does a dot at the end.
   */
  addressesOf(asker: Asker, name: string, family: 4 | 6): string[] | undefined {
    const holders = this.holdersOf(asker, keyOf(name));
    if (holders === undefined) return undefined;
    const { endpoints } = holders;
    const start = (family === 4 ? holders.next4++ : holders.next6++) % endpoints.length;
    return [...endpoints.slice(start), ...endpoints.slice(0, start)]
      .map(({ ipv4, ipv6 }) => (family === 4 ? ipv4 : ipv6))
      .filter((address) => address !== undefined);
  }

  knows(asker: Asker, name: string): boolean {
    return this.holdersOf(asker, keyOf(name)) !== undefined;
  }

  /** The name of who has that address in one of the asker's networks; a name that DNS cannot carry gives way to the id. */
  nameOf(asker: Asker, address: string): string | undefined {
    for (const networkId of asker.endpoints.keys()) {
      const found = this.networks.get(networkId)?.byAddress.get(address)?.endpoint;
      if (found === undefined) continue;
      const full = `${found.name}.${found.networkName}`;
      return [full, found.name, ...found.ids].find(isHostName);
    }
    return undefined;
  }

  private holdersOf(asker: Asker, key: string): Holders | undefined {
    for (const networkId of asker.endpoints.keys()) {
      const holders = this.networks.get(networkId)?.byName.get(key);
      if (holders !== undefined) return holders;
    }
    if (!key.includes('.')) return undefined;
    for (const [networkId, { networkName }] of asker.endpoints) {
      const end = `.${keyOf(networkName)}`;
      const holders = key.endsWith(end)
        ? this.networks.get(networkId)?.byName.get(key.slice(0, -end.length))
        : undefined;
      if (holders !== undefined) return holders;
    }
    return undefined;
  }

  private index(member: Member, endpoint: NamedEndpoint): void {
    const network: NetworkNames = this.networks.get(endpoint.networkId) ?? { byName: new Map(), byAddress: new Map() };
    this.networks.set(endpoint.networkId, network);
    for (const key of keysOf(endpoint)) {
      const holders = network.byName.get(key);
      if (holders === undefined) network.byName.set(key, { endpoints: [endpoint], next4: 0, next6: 0 });
      else holders.endpoints.push(endpoint);
    }
    for (const address of addressesIn(endpoint)) network.byAddress.set(address, { member, endpoint });
  }

  private unindex(endpoint: NamedEndpoint): void {
    const network = this.networks.get(endpoint.networkId);
    if (network === undefined) return;
    for (const key of keysOf(endpoint)) {
      const holders = network.byName.get(key);
      const at = holders?.endpoints.indexOf(endpoint) ?? -1;
      if (holders === undefined || at < 0) continue;
      holders.endpoints.splice(at, 1);
      if (holders.endpoints.length === 0) network.byName.delete(key);
    }
    for (const address of addressesIn(endpoint)) {
      // Who came after has it now.
      if (network.byAddress.get(address)?.endpoint === endpoint) network.byAddress.delete(address);
    }
    if (network.byName.size === 0 && network.byAddress.size === 0) this.networks.delete(endpoint.networkId);
  }
}

function keyOf(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

function keysOf({ name, aliases, ids }: NamedEndpoint): Set<string> {
  return new Set([name, ...aliases, ...ids].map(keyOf));
}

function addressesIn({ ipv4, ipv6 }: NamedEndpoint): string[] {
  return [ipv4, ipv6].filter((address) => address !== undefined);
}

/** RFC 1035, 2.3.4. */
function isHostName(name: string): boolean {
  if (name.length > LONGEST_NAME) return false;
  return name.split('.').every((label) => label.length > 0 && label.length <= LONGEST_LABEL);
}
