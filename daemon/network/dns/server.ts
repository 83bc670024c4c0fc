/**
 * The DNS server of the daemon: on the gateway addresses of every bridge, where containers ask. It lives in the
 * daemon's own network namespace; its descriptors are close-on-exec, as all of Node's.
 */
import type { NetworkLog } from '../types.ts';
import { Forwarder } from './forwarder.ts';
import type { Transport } from './message.ts';
import type { NameTable } from './name-table.ts';
import type { ResolvConf } from './resolv-conf.ts';
import { respond } from './respond.ts';
import { listenTcp } from './tcp-listener.ts';
import { listenUdp, type Handler } from './udp-listener.ts';

const PORT = 53;

export interface DnsNetwork {
  readonly id: string;
  /** Canonical addresses of the host in it. */
  readonly gateways: readonly string[];
  readonly internal: boolean;
}

export interface DnsServerOptions {
  readonly table: NameTable;
  readonly log: NetworkLog;
  /** How the host resolves names. */
  readonly resolvers: { current(): ResolvConf };
}

export interface ListenFailure {
  readonly protocol: Transport;
  readonly address: string;
  readonly port: number;
  /** Such as "EADDRINUSE". */
  readonly code: string;
}

/** Some addresses could not be had; those that could are served. */
export class DnsListenError extends Error {
  override name = 'DnsListenError';
  readonly failures: readonly ListenFailure[];

  constructor(failures: readonly ListenFailure[], options?: ErrorOptions) {
    const words = failures.map(({ protocol, address, port, code }) => `${protocol} ${address} port ${port}: ${code}`);
    super(`names are not answered on ${words.join(', ')}`, options);
    this.failures = failures;
  }
}

interface Listener {
  close(): void;
}

interface Served {
  readonly network: DnsNetwork;
  readonly listeners: Set<Listener>;
  readonly ready: Promise<void>;
}

export class DnsServer {
  private readonly table: NameTable;
  private readonly log: NetworkLog;
  private readonly forwarder: Forwarder;
  private readonly served = new Map<string, Served>();
  /** Gateways, each with the number of networks that have it. */
  private readonly own = new Map<string, number>();
  private turn: Promise<void> = Promise.resolve();

  constructor({ table, log, resolvers }: DnsServerOptions) {
    this.table = table;
    this.log = log;
    this.forwarder = new Forwarder({
      servers: () => resolvers.current().servers,
      isOwn: (address) => this.own.has(address),
    });
  }

  /**
   * Answers on port 53 of the gateways, by UDP and TCP; the addresses must be there. Called again for a network that
   * is served already, it changes nothing. Rejects with DnsListenError: what could be bound is served until unlisten().
   */
  listen(network: DnsNetwork): Promise<void> {
    const before = this.served.get(network.id);
    if (before !== undefined) return before.ready;
    const listeners = new Set<Listener>();
    for (const address of network.gateways) this.own.set(address, (this.own.get(address) ?? 0) + 1);
    // One after another: what was taken away while it was being bound is gone before its address is bound again.
    const ready = this.turn.then(() => this.bindAll(network, listeners));
    this.turn = ready.catch(() => undefined);
    this.served.set(network.id, { network, listeners, ready });
    return ready;
  }

  /** The addresses can be bound again at once. A network that is not served is passed over. */
  unlisten(networkId: string): void {
    const served = this.served.get(networkId);
    if (served === undefined) return;
    this.served.delete(networkId);
    for (const address of served.network.gateways) {
      const left = (this.own.get(address) ?? 1) - 1;
      if (left > 0) this.own.set(address, left);
      else this.own.delete(address);
    }
    for (const listener of served.listeners) listener.close();
    served.listeners.clear();
  }

  /** Ends everything; what is asked of others is given up. */
  close(): void {
    for (const id of [...this.served.keys()]) this.unlisten(id);
    this.forwarder.close();
  }

  private async bindAll(network: DnsNetwork, listeners: Set<Listener>): Promise<void> {
    const isWanted = (): boolean => this.served.get(network.id)?.listeners === listeners;
    if (!isWanted()) return;
    const failures: ListenFailure[] = [];
    const causes: unknown[] = [];
    const bind = async (protocol: Transport, address: string): Promise<void> => {
      try {
        const listener = await this.bind(network, protocol, address);
        if (isWanted()) listeners.add(listener);
        else listener.close();
      } catch (error) {
        causes.push(error);
        failures.push({ protocol, address, port: PORT, code: codeOf(error) });
      }
    };
    await Promise.all(network.gateways.flatMap((address) => [bind('udp', address), bind('tcp', address)]));
    if (failures.length > 0) throw new DnsListenError(failures, { cause: causes[0] });
  }

  private bind(network: DnsNetwork, protocol: Transport, address: string): Promise<Listener> {
    const handler: Handler = (message, from) => this.answer(message, network, from, protocol);
    const failed = (error: Error): void => {
      this.log.error({ err: error, network: network.id, protocol, address }, 'the DNS server failed on an address');
    };
    if (protocol === 'udp') return listenUdp(address, PORT, handler, failed);
    const admits = (from: string): boolean => this.table.asker(network.id, from) !== undefined;
    return listenTcp(address, PORT, { admits, handler, failed });
  }

  /** Nothing that a container sends is to end the daemon, whatever we have overlooked. */
  private answer(
    message: Buffer,
    network: DnsNetwork,
    address: string,
    transport: Transport,
  ): Buffer | undefined | Promise<Buffer | undefined> {
    const overlooked = (error: unknown): undefined => {
      this.log.error({ err: error, network: network.id, address }, 'a question could not be dealt with');
      return undefined;
    };
    try {
      const decision = respond(message, { network, address, transport }, this.table);
      if (decision.is === 'nothing') return undefined;
      if (decision.is === 'reply') return decision.message;
      return this.forwarder.forward(decision.query, decision.asker, transport).catch(overlooked);
    } catch (error) {
      overlooked(error);
      return undefined;
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
