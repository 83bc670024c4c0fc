/** Rows of networks, with their subnets. */
import type { Database, Statement } from 'better-sqlite3';

export interface SubnetRow {
  readonly family: 4 | 6;
  /** Canonical, such as "10.1.2.0/24". */
  readonly subnet: string;
  readonly gateway: string;
  readonly range: string | undefined;
}

export interface NetworkRow {
  readonly id: string;
  readonly name: string;
  /** The bridge on the host. */
  readonly bridge: string;
  readonly internal: boolean;
  readonly interContainer: boolean;
  readonly mtu: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  /** At most one of each family, IPv4 first. */
  readonly subnets: readonly SubnetRow[];
}

interface Columns {
  readonly id: string;
  readonly name: string;
  readonly bridge: string;
  readonly internal: number;
  readonly inter_container: number;
  readonly mtu: number;
  readonly labels: string;
  readonly created_at: string;
}

interface SubnetColumns {
  readonly network: string;
  readonly family: 4 | 6;
  readonly subnet: string;
  readonly gateway: string;
  readonly range: string | null;
}

type Fields = Record<string, string | number | null>;

export class NetworkRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<Columns>('SELECT * FROM networks ORDER BY created_at, id'),
      subnets: prepare<SubnetColumns>('SELECT * FROM subnets ORDER BY network, family'),
      insert: prepare(`INSERT INTO networks (id, name, bridge, internal, inter_container, mtu, labels, created_at)
        VALUES (:id, :name, :bridge, :internal, :interContainer, :mtu, :labels, :createdAt)`),
      insertSubnet: prepare(`INSERT INTO subnets (network, family, subnet, gateway, range)
        VALUES (:network, :family, :subnet, :gateway, :range)`),
      delete: prepare('DELETE FROM networks WHERE id = :id'),
    };
  }

  /** Every row, oldest first. */
  all(): NetworkRow[] {
    const subnets = Map.groupBy(this.statements.subnets.all({}), ({ network }) => network);
    return this.statements.all.all({}).map((columns) => rowOf(columns, subnets.get(columns.id) ?? []));
  }

  insert(row: NetworkRow): void {
    const { id, name, bridge, mtu, createdAt } = row;
    this.statements.insert.run({
      id,
      name,
      bridge,
      internal: Number(row.internal),
      interContainer: Number(row.interContainer),
      mtu,
      labels: JSON.stringify(row.labels),
      createdAt,
    });
    for (const { family, subnet, gateway, range } of row.subnets) {
      this.statements.insertSubnet.run({ network: id, family, subnet, gateway, range: range ?? null });
    }
  }

  /** With its subnets and leases. SQLite refuses it while it has endpoints. */
  delete(id: string): void {
    this.statements.delete.run({ id });
  }
}

function rowOf(columns: Columns, subnets: readonly SubnetColumns[]): NetworkRow {
  const { id, name, bridge, mtu } = columns;
  return {
    id,
    name,
    bridge,
    internal: columns.internal === 1,
    interContainer: columns.inter_container === 1,
    mtu,
    labels: JSON.parse(columns.labels) as Record<string, string>,
    createdAt: columns.created_at,
    subnets: subnets.map(({ family, subnet, gateway, range }) => ({
      family,
      subnet,
      gateway,
      range: range ?? undefined,
    })),
  };
}
