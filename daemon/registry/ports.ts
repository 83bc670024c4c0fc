/** Rows of what is published now: consecutive ports of the host that lead to a container. */
import type { Database, Statement } from 'better-sqlite3';
import type { Protocol } from '../../shared/api/network.ts';

export interface PortRow {
  readonly protocol: Protocol;
  /** "0.0.0.0" and "::" are all of a family. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly count: number;
  readonly container: string;
  readonly containerAddress: string;
  readonly containerPort: number;
}

interface Columns {
  readonly protocol: Protocol;
  readonly host_address: string;
  readonly host_port: number;
  readonly count: number;
  readonly container: string;
  readonly container_address: string;
  readonly container_port: number;
}

type Fields = Record<string, string | number | null>;

export class PortRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<Columns>('SELECT * FROM ports'),
      insert: prepare(`INSERT INTO ports (protocol, host_address, host_port, count, container, container_address,
          container_port)
        VALUES (:protocol, :hostAddress, :hostPort, :count, :container, :containerAddress, :containerPort)`),
      delete: prepare(`DELETE FROM ports
        WHERE protocol = :protocol AND host_address = :hostAddress AND host_port = :hostPort`),
      deleteOf: prepare('DELETE FROM ports WHERE container = :container'),
    };
  }

  all(): PortRow[] {
    return this.statements.all.all({}).map((columns) => ({
      protocol: columns.protocol,
      hostAddress: columns.host_address,
      hostPort: columns.host_port,
      count: columns.count,
      container: columns.container,
      containerAddress: columns.container_address,
      containerPort: columns.container_port,
    }));
  }

  /**
   * Ends the transaction where the same first port of the same address is published: RegistryError `port_taken`. Ranges
   * and wildcard addresses that meet in other ways are for the caller's port book (daemon/network/ipam/port-book.ts).
   */
  insert(row: PortRow): void {
    this.statements.insert.run({ ...row });
  }

  delete({ protocol, hostAddress, hostPort }: Pick<PortRow, 'protocol' | 'hostAddress' | 'hostPort'>): void {
    this.statements.delete.run({ protocol, hostAddress, hostPort });
  }

  deleteOf(container: string): void {
    this.statements.deleteOf.run({ container });
  }
}
