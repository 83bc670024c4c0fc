/** Settings of the host that the daemon changed, and what it chose once and keeps. */
import type { Database, Statement } from 'better-sqlite3';

export interface HostSettingRow {
  /** As sysctl(8) names it, such as "net.ipv4.ip_forward". */
  readonly key: string;
  readonly before: string;
  readonly now: string;
  readonly at: string;
}

/** `ula`: the /48 that IPv6 subnets are cut from, such as "fd12:3456:789a::/48". */
export type ChoiceKey = 'ula';

type Fields = Record<string, string | number | null>;

export class HostSettingRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<HostSettingRow>('SELECT key, before, now, at FROM host_settings ORDER BY at, key'),
      record: prepare(`INSERT INTO host_settings (key, before, now, at) VALUES (:key, :before, :now, :at)
        ON CONFLICT (key) DO UPDATE SET now = excluded.now, at = excluded.at`),
      choice: prepare<{ value: string }>('SELECT value FROM choices WHERE key = :key'),
      choose: prepare('INSERT INTO choices (key, value) VALUES (:key, :value)'),
    };
  }

  all(): HostSettingRow[] {
    return this.statements.all.all({});
  }

  /** What it was before the first change stays. */
  record(row: HostSettingRow): void {
    this.statements.record.run({ ...row });
  }

  choice(key: ChoiceKey): string | undefined {
    return this.statements.choice.get({ key })?.value;
  }

  /** Once; it is not chosen again. */
  choose(key: ChoiceKey, value: string): void {
    this.statements.choose.run({ key, value });
  }
}
