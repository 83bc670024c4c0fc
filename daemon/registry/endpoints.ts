/** Rows of endpoints: the places of containers in networks. */
import type { Database, Statement } from 'better-sqlite3';

/** What an endpoint has while its container runs. */
export interface LiveEndpoint {
  /** The veth on the host. */
  readonly hostInterface: string;
  /** In the container. */
  readonly interface: string;
  readonly mac: string;
  /** Without prefix length; null: the network has no such family. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** It has the default route. */
  readonly isDefault: boolean;
}

export interface EndpointRow {
  readonly container: string;
  readonly network: string;
  /** Order among the networks of the container; not always without gaps. */
  readonly position: number;
  /** What was asked for; null: nothing. */
  readonly interface: string | null;
  readonly mac: string | null;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly aliases: readonly string[];
  /** null: it has no veth. */
  readonly live: LiveEndpoint | null;
}

/** What a running container is in the midst of: an intent that is still there at the start was cut off. */
export type EndpointIntent = 'connect' | 'disconnect';

interface Columns {
  readonly container: string;
  readonly network: string;
  readonly position: number;
  readonly interface: string | null;
  readonly mac: string | null;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly aliases: string;
  readonly host_interface: string | null;
  readonly run_interface: string | null;
  readonly run_mac: string | null;
  readonly run_ipv4: string | null;
  readonly run_ipv6: string | null;
  readonly run_default: number | null;
}

interface Intended {
  readonly container: string;
  readonly network: string;
  readonly intent: EndpointIntent;
}

type Fields = Record<string, string | number | null>;

export class EndpointRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<Columns>('SELECT * FROM endpoints ORDER BY container, position'),
      of: prepare<Columns>('SELECT * FROM endpoints WHERE container = :container ORDER BY position'),
      ofNetwork: prepare<Columns>('SELECT * FROM endpoints WHERE network = :network ORDER BY container'),
      networks: prepare<{ network: string }>('SELECT DISTINCT network FROM endpoints'),
      insert: prepare(`INSERT INTO endpoints (container, network, position, interface, mac, ipv4, ipv6, aliases)
        VALUES (:container, :network, :position, :interface, :mac, :ipv4, :ipv6, :aliases)`),
      setLive: prepare(`UPDATE endpoints SET host_interface = :hostInterface, run_interface = :interface,
          run_mac = :mac, run_ipv4 = :ipv4, run_ipv6 = :ipv6, run_default = :isDefault
        WHERE container = :container AND network = :network`),
      clearLive: prepare(`UPDATE endpoints SET host_interface = NULL, run_interface = NULL, run_mac = NULL,
          run_ipv4 = NULL, run_ipv6 = NULL, run_default = NULL
        WHERE container = :container AND (:network IS NULL OR network = :network)`),
      setIntent: prepare('UPDATE endpoints SET intent = :intent WHERE container = :container AND network = :network'),
      intended: prepare<Intended>('SELECT container, network, intent FROM endpoints WHERE intent IS NOT NULL'),
      delete: prepare('DELETE FROM endpoints WHERE container = :container AND network = :network'),
    };
  }

  /** Those of one container after the other, in their order. */
  all(): EndpointRow[] {
    return this.statements.all.all({}).map(rowOf);
  }

  of(container: string): EndpointRow[] {
    return this.statements.of.all({ container }).map(rowOf);
  }

  ofNetwork(network: string): EndpointRow[] {
    return this.statements.ofNetwork.all({ network }).map(rowOf);
  }

  /** Ids of the networks that containers have places in. */
  networks(): string[] {
    return this.statements.networks.all({}).map(({ network }) => network);
  }

  /** `live` is set by setLive. */
  insert(row: Omit<EndpointRow, 'live'>): void {
    const { container, network, position, interface: asked, mac, ipv4, ipv6 } = row;
    const aliases = JSON.stringify(row.aliases);
    this.statements.insert.run({ container, network, position, interface: asked, mac, ipv4, ipv6, aliases });
  }

  setLive(container: string, network: string, live: LiveEndpoint): void {
    this.statements.setLive.run({ container, network, ...live, isDefault: Number(live.isDefault) });
  }

  /** Of one network, or of all: the run is over. */
  clearLive(container: string, network?: string): void {
    this.statements.clearLive.run({ container, network: network ?? null });
  }

  /** Before the first step of it; null: it is done. */
  setIntent(container: string, network: string, intent: EndpointIntent | null): void {
    this.statements.setIntent.run({ container, network, intent });
  }

  intended(): Intended[] {
    return this.statements.intended.all({});
  }

  delete(container: string, network: string): void {
    this.statements.delete.run({ container, network });
  }
}

function rowOf(columns: Columns): EndpointRow {
  const { container, network, position, interface: asked, mac, ipv4, ipv6 } = columns;
  const aliases = JSON.parse(columns.aliases) as string[];
  return { container, network, position, interface: asked, mac, ipv4, ipv6, aliases, live: liveOf(columns) };
}

function liveOf(columns: Columns): LiveEndpoint | null {
  const { host_interface: hostInterface, run_interface: inside, run_mac: mac } = columns;
  if (hostInterface === null || inside === null || mac === null) return null;
  const { run_ipv4: ipv4, run_ipv6: ipv6 } = columns;
  return { hostInterface, interface: inside, mac, ipv4, ipv6, isDefault: columns.run_default === 1 };
}
