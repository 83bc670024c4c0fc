/**
 * Leases: which address is whose. The primary key is what makes it impossible to hand one out twice. A dynamic lease
 * belongs to a veth and ends with it; a static one belongs to a container, and where that is removed before its veth
 * is gone, from then on to the veth.
 */
import type { Database, Statement } from 'better-sqlite3';

export interface LeaseRow {
  readonly network: string;
  readonly family: 4 | 6;
  readonly address: string;
  /** Its row may be gone already. */
  readonly container: string;
  /** The veth on the host; null: static, and no veth has it. */
  readonly hostInterface: string | null;
  readonly isStatic: boolean;
}

/** What is free again. */
export type FreedLease = Pick<LeaseRow, 'network' | 'family' | 'address'>;

interface Columns {
  readonly network: string;
  readonly family: 4 | 6;
  readonly address: string;
  readonly container: string;
  readonly host_interface: string | null;
  readonly static: number;
}

type Fields = Record<string, string | number | null>;

export class LeaseRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<Columns>('SELECT * FROM leases'),
      insert: prepare(`INSERT INTO leases (network, family, address, container, host_interface, static)
        VALUES (:network, :family, :address, :container, :hostInterface, :isStatic)`),
      attach: prepare(`UPDATE leases SET host_interface = :hostInterface
        WHERE container = :container AND network = :network AND static = 1`),
      dropOfInterface: prepare<FreedLease>(`DELETE FROM leases WHERE host_interface = :hostInterface AND static = 0
        RETURNING network, family, address`),
      detachInterface: prepare('UPDATE leases SET host_interface = NULL WHERE host_interface = :hostInterface'),
      dropOfContainer: prepare<FreedLease>(`DELETE FROM leases
        WHERE container = :container AND (:network IS NULL OR network = :network) AND host_interface IS NULL
        RETURNING network, family, address`),
      leaveToInterface: prepare(`UPDATE leases SET static = 0
        WHERE container = :container AND (:network IS NULL OR network = :network)`),
    };
  }

  all(): LeaseRow[] {
    return this.statements.all.all({}).map((columns) => ({
      network: columns.network,
      family: columns.family,
      address: columns.address,
      container: columns.container,
      hostInterface: columns.host_interface,
      isStatic: columns.static === 1,
    }));
  }

  /** Ends the transaction where the address is leased: RegistryError `address_taken`. */
  insert(row: LeaseRow): void {
    this.statements.insert.run({ ...row, isStatic: Number(row.isStatic) });
  }

  /** The static addresses of the container in this network are those of this veth from now on. */
  attach(container: string, network: string, hostInterface: string): void {
    this.statements.attach.run({ container, network, hostInterface });
  }

  /** The veth is gone, or was never made. Returns the leases that are free now. */
  releaseInterface(hostInterface: string): FreedLease[] {
    const freed = this.statements.dropOfInterface.all({ hostInterface });
    this.statements.detachInterface.run({ hostInterface });
    return freed;
  }

  /**
   * The container leaves the network, or all of them where none is named: at disconnect and removal. What a veth still
   * has is free once that is gone; returns the leases that are free now.
   */
  leave(container: string, network?: string): FreedLease[] {
    const who = { container, network: network ?? null };
    const freed = this.statements.dropOfContainer.all(who);
    this.statements.leaveToInterface.run(who);
    return freed;
  }
}
