/**
 * What the host has of our networks: bridges, the firewall's table, the DNS server. Nothing of it is there, and nothing
 * is opened, before the first container needs it.
 */
import { existsSync } from 'node:fs';
import { HostResolvers } from '../../network/dns/host-resolvers.ts';
import { NameTable } from '../../network/dns/name-table.ts';
import { DnsServer } from '../../network/dns/server.ts';
import { Firewall } from '../../network/firewall/firewall.ts';
import type { Prefix } from '../../network/address.ts';
import { PortBook } from '../../network/ipam/port-book.ts';
import { setDefaultRoutes } from '../../network/plane/default-routes.ts';
import { detachEndpoint } from '../../network/plane/detach.ts';
import { attachEndpoints } from '../../network/plane/endpoint.ts';
import { hostPrefixes } from '../../network/plane/host-prefixes.ts';
import type { SettingChange } from '../../network/plane/settings.ts';
import { watchLinks } from '../../network/plane/watch.ts';
import { Rtnetlink } from '../../network/rtnetlink/connection.ts';
import { findLink, listLinks } from '../../network/rtnetlink/links.ts';
import type { EndpointShape, NetworkLog, NetworkShape, PortMapping } from '../../network/types.ts';
import type { NetworkHost } from '../networks/context.ts';
import { checkStillFree } from '../networks/subnets.ts';
import { extensionPrefix } from './bridge-ports.ts';
import { Bridges } from './bridges.ts';
import { inNamespaceOf } from './container-namespace.ts';
import { EndedNamespaces } from './ended-namespaces.ts';
import { GoneLinks } from './gone-links.ts';
import { hostError } from './host-error.ts';
import { type HostParts, StandingNetworks } from './standing-networks.ts';

export interface HostNetworkParts {
  readonly log: NetworkLog;
  readonly table: string;
  /** Of the names of our interfaces. */
  readonly tag: string;
  /** Endpoints on one bridge. */
  readonly bridgePorts: number;
  /** What is published of all containers. */
  readonly published: () => readonly PortMapping[];
  /** A setting of the host is about to be changed. */
  readonly record: (change: SettingChange) => void;
  /** Veths of ours that are gone; several at once where many containers end. */
  readonly linksGone: (names: readonly string[]) => void;
}

interface Opened extends HostParts {
  readonly watch: { close(): void };
}

export class HostNetwork implements NetworkHost {
  readonly names = new NameTable();
  readonly resolvers = new HostResolvers();
  /** Whose a port of the host is, by the container's id. */
  readonly ports = new PortBook<string>();
  readonly ended = new EndedNamespaces();
  private readonly parts: HostNetworkParts;
  private opened: Opened | undefined;
  private readonly standing: StandingNetworks;
  private readonly bridges: Bridges;
  private readonly gone: GoneLinks;

  constructor(parts: HostNetworkParts) {
    this.parts = parts;
    this.bridges = new Bridges(parts.tag, parts.bridgePorts);
    this.standing = new StandingNetworks({
      log: parts.log,
      open: () => this.open(),
      check: (network) => {
        checkStillFree(network, this.prefixes());
      },
      record: parts.record,
    });
    this.gone = new GoneLinks((names) => {
      for (const name of names) this.bridges.release(name);
      parts.linksGone(names);
    });
  }

  get isOpen(): boolean {
    return this.opened !== undefined;
  }

  get hasIpv6(): boolean {
    return existsSync('/proc/sys/net/ipv6');
  }

  /** Throws EngineError: `host_lacks_feature`, `kernel_refused`. */
  private open(): Opened {
    if (this.opened !== undefined) return this.opened;
    const close: (() => void)[] = [];
    const own = <T extends { close(): void }>(part: T): T => {
      close.push(() => {
        part.close();
      });
      return part;
    };
    try {
      const connection = own(Rtnetlink.open());
      const { log, table, tag } = this.parts;
      const firewall = own(Firewall.open({ table, log, bridged: extensionPrefix(tag) }));
      // made again, of this, where others change it
      firewall.watch(() => ({ networks: this.standing.all(), ports: this.parts.published() }));
      const server = own(new DnsServer({ table: this.names, log, resolvers: this.resolvers }));
      const watch = own(watchLinks(this.linkEvents(), log));
      this.opened = { connection, firewall, server, watch };
      return this.opened;
    } catch (error) {
      for (const step of close.toReversed()) step();
      throw hostError(error, 'the network of the host cannot be used');
    }
  }

  private linkEvents() {
    return {
      removed: (name: string) => {
        this.standing.bridgesGone((bridge) => bridge === name);
        this.bridges.forgetIndex(name);
        this.gone.add(name);
      },
      lost: () => {
        const there = new Set(this.linkNames());
        this.bridges.forgetIndexes();
        this.standing.bridgesGone((bridge) => !there.has(bridge));
        this.looking((connection) => {
          this.bridges.count(connection);
        });
        this.parts.linksGone([]);
      },
    };
  }

  /** Resolves when the link is gone and its addresses are given back, or after so long. */
  async untilGone(name: string, milliseconds: number): Promise<void> {
    this.ended.giveUp();
    if (this.opened !== undefined && this.hasInterface(name)) await this.gone.until(name, milliseconds);
  }

  /** Bridges, rules and DNS of these networks stand, and the host forwards. Throws EngineError. */
  async ensure(networks: readonly NetworkShape[]): Promise<void> {
    await this.standing.ensure(networks);
  }

  /** The DNS server of the network answers, or will. */
  answersNames(network: NetworkShape): boolean {
    return this.standing.answersNames(network);
  }

  /** Puts the container of this process (init, or another of it) on its networks. Throws EngineError. */
  attach(pid: number, endpoints: readonly EndpointShape[]): void {
    try {
      inNamespaceOf(pid, (namespace) => {
        this.attachTo(namespace, endpoints);
      });
    } catch (error) {
      throw hostError(error, 'the network of the container cannot be made');
    }
  }

  /** The same for a descriptor of a network namespace, which is another than this process's. */
  attachTo(namespace: number, endpoints: readonly EndpointShape[]): void {
    const { connection } = this.open();
    try {
      const networks = this.standing.all();
      const placed = endpoints.map((endpoint) => {
        const network = networks.find(({ bridge }) => bridge === endpoint.bridge);
        return this.bridges.place(connection, endpoint, network);
      });
      attachEndpoints(connection, namespace, placed, (name) => this.bridges.indexOf(connection, name));
    } catch (error) {
      for (const { hostInterface } of endpoints) this.bridges.release(hostInterface);
      this.bridges.forgetIndexes();
      throw hostError(error, 'the network of the container cannot be made');
    }
  }

  /** The container of this namespace has the endpoint's default routes from now on. Throws EngineError. */
  route(namespace: number, endpoint: EndpointShape): void {
    try {
      setDefaultRoutes(namespace, endpoint);
    } catch (error) {
      throw hostError(error, 'the default route of the container cannot be changed');
    }
  }

  /** Takes a pair of veths away while its container runs on. Throws EngineError. */
  async detach(hostInterface: string): Promise<void> {
    try {
      await detachEndpoint(hostInterface);
    } catch (error) {
      throw hostError(error, 'the container cannot be taken off the network');
    }
  }

  publish(ports: readonly PortMapping[]): void {
    if (ports.length === 0) return;
    try {
      this.open().firewall.publish(ports);
    } catch (error) {
      throw hostError(error, 'the ports cannot be published');
    }
  }

  /** What cannot be taken away is told to the log: the container it belongs to has ended. */
  unpublish(ports: readonly PortMapping[]): void {
    if (ports.length === 0) return;
    try {
      this.open().firewall.unpublish(ports);
    } catch (error) {
      this.parts.log.error({ err: error }, 'published ports could not be taken away');
    }
  }

  /** In one transaction: what stays is not interrupted. Throws EngineError. */
  change(gone: readonly PortMapping[], come: readonly PortMapping[]): void {
    if (gone.length === 0 && come.length === 0) return;
    try {
      this.open().firewall.change(gone, come);
    } catch (error) {
      throw hostError(error, 'the published ports cannot be changed');
    }
  }

  /** What a former daemon left is as it is to be: bridges, DNS, and the whole of the firewall at once. Throws EngineError. */
  async adopt(networks: readonly NetworkShape[], ports: readonly PortMapping[]): Promise<void> {
    const { connection, firewall } = this.open();
    try {
      this.standing.takeOver(networks);
      this.bridges.count(connection);
      firewall.apply({ networks, ports });
    } catch (error) {
      throw hostError(error, 'the networks cannot be made again');
    }
    await this.standing.answer(networks);
  }

  /** Links of ours that belong to nobody. */
  async removeLinks(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.parts.log.warn({ link: name }, 'an interface that belongs to nobody is taken away');
      await detachEndpoint(name);
    }
  }

  prefixes(): readonly Prefix[] {
    return this.looking((connection) => hostPrefixes(connection));
  }

  hasInterface(name: string): boolean {
    return this.looking((connection) => findLink(connection, name) !== undefined);
  }

  linkNames(): string[] {
    return this.looking((connection) => listLinks(connection).map(({ name }) => name));
  }

  /** To look at the host nothing need be opened for good. */
  private looking<T>(look: (connection: Rtnetlink) => T): T {
    const connection = this.opened?.connection ?? Rtnetlink.open();
    try {
      return look(connection);
    } catch (error) {
      throw hostError(error, 'the network of the host cannot be read');
    } finally {
      if (connection !== this.opened?.connection) connection.close();
    }
  }

  async forget(network: NetworkShape): Promise<void> {
    if (this.standing.forget(network) && this.opened !== undefined) {
      this.opened.server.unlisten(network.id);
      this.opened.firewall.removeNetwork(network);
    }
    try {
      await this.looking((connection) => this.bridges.remove(connection, network));
    } catch (error) {
      throw hostError(error, `the bridge ${network.bridge} cannot be removed`);
    }
  }

  /** What stands in the way of networks, for `tare info`. */
  warnings(): string[] {
    return this.standing.warnings();
  }

  /** `isIdle`: nothing of ours runs, and nothing stays. */
  async close(isIdle: boolean): Promise<void> {
    this.ended.giveUp();
    const { opened } = this;
    if (opened === undefined) return;
    opened.watch.close();
    opened.server.close();
    try {
      if (isIdle) await this.clear(opened);
    } catch (error) {
      this.parts.log.error({ err: error }, 'networks are left on the host: the next daemon takes them over');
    }
    opened.firewall.close();
    opened.connection.close();
    this.opened = undefined;
    this.standing.clear();
  }

  private async clear({ connection, firewall }: Opened): Promise<void> {
    await Promise.all(this.standing.all().map((network) => this.bridges.remove(connection, network)));
    firewall.removeAll();
  }
}
