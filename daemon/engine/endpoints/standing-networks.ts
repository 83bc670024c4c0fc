/**
 * The networks that stand on the host, or are on their way: bridge, forwarding, rules, and names on the gateways. What of
 * this the host refuses, but containers can do without, is kept for `tare info`.
 */
import type { DnsServer } from '../../network/dns/server.ts';
import type { Firewall } from '../../network/firewall/firewall.ts';
import { ensureBridge } from '../../network/plane/bridge.ts';
import { needForwarding, type SettingChange, SettingError } from '../../network/plane/settings.ts';
import type { Rtnetlink } from '../../network/rtnetlink/connection.ts';
import { findLink } from '../../network/rtnetlink/links.ts';
import type { NetworkLog, NetworkShape } from '../../network/types.ts';
import { hostError } from './host-error.ts';

/** Of the host, once a network needs it. */
export interface HostParts {
  readonly connection: Rtnetlink;
  readonly firewall: Firewall;
  readonly server: DnsServer;
}

export interface StandingNetworksParts {
  readonly log: NetworkLog;
  /** Throws EngineError. */
  readonly open: () => HostParts;
  /** Before a bridge is made that is not there. Throws EngineError where the host uses its addresses by now. */
  readonly check: (network: NetworkShape) => void;
  /** A setting of the host is about to be changed. */
  readonly record: (change: SettingChange) => void;
}

interface Entry {
  readonly network: NetworkShape;
  ready: Promise<void> | undefined;
}

export class StandingNetworks {
  private readonly parts: StandingNetworksParts;
  /** By id. */
  private readonly entries = new Map<string, Entry>();
  /** Networks on whose gateways no DNS server could be bound, and why. */
  private readonly mute = new Map<string, string>();
  private forwardingFailure: string | undefined;

  constructor(parts: StandingNetworksParts) {
    this.parts = parts;
  }

  all(): NetworkShape[] {
    return [...this.entries.values()].map(({ network }) => network);
  }

  /** Bridges, rules and DNS of these networks stand, and the host forwards. Throws EngineError. */
  async ensure(networks: readonly NetworkShape[]): Promise<void> {
    for (const network of networks) {
      const before = this.entries.get(network.id);
      if (before !== undefined) {
        if (before.ready !== undefined) await before.ready;
        continue;
      }
      const entry: Entry = { network, ready: this.make(network) };
      this.entries.set(network.id, entry);
      try {
        await entry.ready;
        entry.ready = undefined;
      } catch (error) {
        this.entries.delete(network.id);
        throw error;
      }
    }
  }

  private async make(network: NetworkShape): Promise<void> {
    const { connection, firewall, server } = this.parts.open();
    try {
      if (findLink(connection, network.bridge) === undefined) this.parts.check(network);
      this.forward(network);
      ensureBridge(connection, network);
      firewall.addNetwork(network);
    } catch (error) {
      throw hostError(error, `the bridge ${network.bridge} cannot be made`);
    }
    await this.listen(server, network);
  }

  /** Of a former daemon: as they are to be, but for rules and names. */
  takeOver(networks: readonly NetworkShape[]): void {
    const { connection } = this.parts.open();
    for (const network of networks) {
      this.forward(network);
      ensureBridge(connection, network);
      this.entries.set(network.id, { network, ready: undefined });
    }
  }

  /** A host that does not let itself be told to forward may forward all the same, or only between containers. */
  private forward(network: NetworkShape): void {
    if (network.internal) return;
    try {
      needForwarding(
        network.subnets.map(({ family }) => family),
        this.parts.record,
      );
      this.forwardingFailure = undefined;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      this.parts.log.warn({ err: error }, 'the host does not let forwarding be turned on');
      this.forwardingFailure = error.message;
    }
  }

  /** Their names are answered, or it is known why not. */
  async answer(networks: readonly NetworkShape[]): Promise<void> {
    const { server } = this.parts.open();
    await Promise.all(networks.map((network) => this.listen(server, network)));
  }

  private async listen(server: DnsServer, { id, internal, subnets, bridge }: NetworkShape): Promise<void> {
    try {
      await server.listen({ id, internal, gateways: subnets.map(({ gateway }) => gateway) });
      this.mute.delete(id);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.mute.set(id, `names of bridge ${bridge} are not served: ${words}`);
      this.parts.log.warn({ err: error, network: id }, 'the DNS server of a network could not be bound');
    }
  }

  /** The DNS server of the network answers, or will. */
  answersNames(network: NetworkShape): boolean {
    return !this.mute.has(network.id);
  }

  /** Bridges were removed, and not by us: they are made again at the next need. */
  bridgesGone(isGone: (bridge: string) => boolean): void {
    for (const { id, bridge } of this.all()) {
      if (!isGone(bridge)) continue;
      this.entries.delete(id);
      this.parts.log.warn({ network: id, bridge }, 'the bridge of a network was removed');
    }
  }

  /** True: it stood, and its rules and names are still there. */
  forget({ id }: NetworkShape): boolean {
    this.mute.delete(id);
    return this.entries.delete(id);
  }

  clear(): void {
    this.entries.clear();
  }

  /** What stands in the way of networks, for `tare info`. */
  warnings(): string[] {
    return [...(this.forwardingFailure === undefined ? [] : [this.forwardingFailure]), ...this.mute.values()];
  }
}
