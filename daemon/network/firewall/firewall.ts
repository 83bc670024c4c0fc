/**
 * The daemon's table of nf_tables, "inet tare-0a1b2c3d": masquerade, isolation and published ports of its networks. The
 * rules are in rules.ts; networks and ports come and go as elements of sets, one transaction at a time.
 */
import type { FirewallState, NetworkLog, NetworkShape, PortMapping } from '../types.ts';
import type { Change } from '../netfilter/nftables/change.ts';
import { Nftables } from '../netfilter/nftables/connection.ts';
import { listElements } from '../netfilter/nftables/list-elements.ts';
import { addTable, deleteTable } from '../netfilter/nftables/objects.ts';
import type { TableName } from '../netfilter/nftables/protocol.ts';
import { addSet } from '../netfilter/nftables/sets.ts';
import { NetlinkError } from '../rtnetlink/connection.ts';
import { findConflict, PortTakenError } from './conflict.ts';
import { additions, membersOfNetworks, membersOfPorts, removals, type Members } from './elements.ts';
import { forgetOrphaned, forgetStray } from './forget.ts';
import { addRules } from './rules.ts';
import { ALL_SETS } from './sets.ts';
import { Keeper } from './keeper.ts';

const ENOENT = 2;
const EBUSY = 16;
const EEXIST = 17;

export interface FirewallOptions {
  /** Of the table; at most 255 bytes. */
  readonly table: string;
  readonly log: NetworkLog;
  /** Bridges whose names begin so only bridge: what they bridge comes to a network's own bridge as well. */
  readonly bridged?: string;
}

const failedWith = (error: unknown, ...errnos: number[]): boolean =>
  error instanceof NetlinkError && errnos.includes(error.errno);

/**
 * All of it is synchronous; a network or a port takes some tens of microseconds. Everything throws NetlinkError
 * (netfilter's TransactionError, which names the step) and SystemError.
 */
export class Firewall {
  private readonly table: TableName;
  private readonly log: NetworkLog;
  private readonly bridged: string | undefined;
  /** Opened at first need: a daemon without networks needs no nf_tables. */
  private opened: Nftables | undefined;
  /** Whether the table has been made, by this process. */
  private isMade = false;
  private keeper: Keeper | undefined;
  private wanted: (() => FirewallState) | undefined;

  private constructor({ table, log, bridged }: FirewallOptions) {
    this.table = { family: 'inet', table };
    this.log = log;
    this.bridged = bridged;
  }

  /** Touches nothing. */
  static open(options: FirewallOptions): Firewall {
    return new Firewall(options);
  }

  private get nftables(): Nftables {
    this.opened ??= Nftables.open();
    return this.opened;
  }

  /**
   * Makes the whole table anew in one transaction: a packet meets either all of the old or all of the new. Connections
   * that are tracked go on. Without networks and ports there is no table.
   */
  apply(state: FirewallState): void {
    if (state.networks.length === 0 && state.ports.length === 0) {
      this.removeAll();
      return;
    }
    const { table } = this;
    this.nftables.transaction([
      deleteTable(table, { tolerant: true }),
      addTable(table),
      ...ALL_SETS.map((set) => addSet(table, set)),
      ...addRules(table, this.bridged),
      ...additions(table, [...membersOfNetworks(state.networks), ...membersOfPorts(state.ports)]),
    ]);
    this.isMade = true;
    this.keep();
  }

  /**
   * The first one makes the table, with all else that is wanted (watch); what a table of its name had before goes. Twice is
   * once.
   */
  addNetwork(network: NetworkShape): void {
    if (this.isMade) {
      this.add(membersOfNetworks([network]));
      return;
    }
    const { networks, ports } = this.wanted?.() ?? { networks: [], ports: [] };
    this.apply({ networks: [...networks.filter(({ id }) => id !== network.id), network], ports });
  }

  /** Also where it is not there. */
  removeNetwork(network: NetworkShape): void {
    this.remove(membersOfNetworks([network]));
  }

  /**
   * All of them or none. The network of each must be there. UDP that was sent to these ports before leads to the
   * container, too, from now on. Throws PortTakenError where a port leads elsewhere; one that leads there already stays.
   */
  publish(mappings: readonly PortMapping[]): void {
    this.naming(mappings, [], () => this.add(membersOfPorts(mappings)));
    forgetStray(mappings, this.log);
  }

  /** Also where they are not there. UDP flows that were led to the container end. */
  unpublish(mappings: readonly PortMapping[]): void {
    this.remove(membersOfPorts(mappings));
    forgetOrphaned(mappings, this.log);
  }

  /** Both in one transaction: a port that stays is never away. Throws as publish does, and then nothing is changed. */
  change(gone: readonly PortMapping[], come: readonly PortMapping[]): void {
    const [before, after] = [membersOfPorts(gone), membersOfPorts(come)];
    const additional = additions(this.table, after);
    this.naming(come, gone, () => {
      try {
        this.nftables.transaction([...removals(this.table, before), ...additional]);
      } catch (error) {
        if (!failedWith(error, ENOENT)) throw error;
        this.withTable(() => this.nftables.update(() => [...this.removalsOf(before), ...additional]));
      }
    });
    forgetOrphaned(gone, this.log);
    forgetStray(come, this.log);
  }

  /** From now on the table is made again, of what `wanted` says, when somebody else has changed or deleted it. */
  watch(wanted: () => FirewallState): void {
    this.wanted = wanted;
    if (this.isMade) this.keep();
  }

  private keep(): void {
    if (this.wanted === undefined || this.keeper !== undefined) return;
    const remake = (): void => this.remake();
    this.keeper = Keeper.open({ table: this.table, own: [this.nftables.port()], remake, log: this.log });
  }

  private remake(): void {
    if (this.isMade && this.wanted !== undefined) this.apply(this.wanted());
  }

  private add(members: readonly Members[]): void {
    const changes = additions(this.table, members);
    this.withTable(() => this.nftables.transaction(changes));
  }

  /** Where somebody has deleted the table and we have not been told yet, it is made again first. */
  private withTable(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!failedWith(error, ENOENT) || this.wanted === undefined) throw error;
      this.remake();
      act();
    }
  }

  /** Whose port it is that the kernel refuses. `gone`: what is not in the way, though it is there still. */
  private naming(come: readonly PortMapping[], gone: readonly PortMapping[], act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!failedWith(error, EEXIST, EBUSY)) throw error;
      const conflict = findConflict(come, gone, (set) => listElements(this.nftables, this.table, set));
      throw conflict === undefined ? error : new PortTakenError(conflict, error);
    }
  }

  private remove(members: readonly Members[]): void {
    if (!this.isMade) return;
    try {
      this.nftables.transaction(removals(this.table, members));
    } catch (error) {
      if (!failedWith(error, ENOENT)) throw error;
      this.nftables.update(() => this.removalsOf(members));
    }
  }

  /** Of those of `members` that are there. */
  private removalsOf(members: readonly Members[]): Change[] {
    const present = members.map(({ set, elements }) => {
      const keys = new Set(listElements(this.nftables, this.table, set).map(({ key }) => JSON.stringify(key)));
      return { set, elements: elements.filter(({ key }) => keys.has(JSON.stringify(key))) };
    });
    return removals(this.table, present.filter(({ elements }) => elements.length > 0)); // prettier-ignore
  }

  /** The table is gone, also where an earlier process has made it. */
  removeAll(): void {
    this.keeper?.close();
    this.keeper = undefined;
    this.isMade = false;
    try {
      this.nftables.transaction([deleteTable(this.table)]);
    } catch (error) {
      if (!failedWith(error, ENOENT)) throw error;
    }
  }

  /** The table stays as it is. */
  close(): void {
    this.keeper?.close();
    this.keeper = undefined;
    this.wanted = undefined;
    this.opened?.close();
    this.opened = undefined;
  }
}
