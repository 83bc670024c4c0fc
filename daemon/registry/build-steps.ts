/** Rows of what builds keep: the image that a step made, by the key of the step. */
import type { Database, Statement } from 'better-sqlite3';

export interface BuildStepRow {
  /** 64 hexadecimal digits. */
  readonly key: string;
  /** Digests of manifests. NULL: it began with nothing. */
  readonly parent: string | null;
  readonly manifest: string;
  readonly createdAt: string;
}

type Fields = Record<string, string | number | null>;

export class BuildStepRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      find: prepare<{ manifest: string }>(
        'SELECT manifest FROM build_steps WHERE key = :key ORDER BY created_at DESC LIMIT 1',
      ),
      record: prepare(`INSERT INTO build_steps (key, parent, manifest, created_at)
        VALUES (:key, :parent, :manifest, :createdAt)
        ON CONFLICT (key, manifest) DO UPDATE SET parent = :parent, created_at = :createdAt`),
      hasChildren: prepare<{ has: number }>(
        `SELECT EXISTS (SELECT 1 FROM build_steps WHERE parent = :manifest AND manifest <> :manifest) AS has`,
      ),
      parentsOf: prepare<{ parent: string }>(`SELECT DISTINCT parent FROM build_steps
        WHERE manifest = :manifest AND parent IS NOT NULL AND parent <> :manifest ORDER BY parent`),
      parents: prepare<{ parent: string }>(
        'SELECT DISTINCT parent FROM build_steps WHERE parent IS NOT NULL AND parent <> manifest',
      ),
      manifests: prepare<{ manifest: string }>(
        'SELECT manifest FROM build_steps GROUP BY manifest ORDER BY max(created_at), manifest',
      ),
      forget: prepare('DELETE FROM build_steps WHERE manifest = :manifest'),
    };
  }

  /** Digest of the manifest that the step made. */
  find(key: string): string | undefined {
    return this.statements.find.get({ key })?.manifest;
  }

  /** Of several results of the same step the newest counts. */
  record(row: BuildStepRow): void {
    this.statements.record.run({ ...row });
  }

  /** An image was made of this one. */
  hasChildren(manifest: string): boolean {
    return this.statements.hasChildren.get({ manifest })?.has === 1;
  }

  /** What the image was made of. */
  parentsOf(manifest: string): string[] {
    return this.statements.parentsOf.all({ manifest }).map(({ parent }) => parent);
  }

  /** Every image that another was made of. */
  parents(): ReadonlySet<string> {
    return new Set(this.statements.parents.all({}).map(({ parent }) => parent));
  }

  /** Every image that a step made, the oldest first. */
  manifests(): string[] {
    return this.statements.manifests.all({}).map(({ manifest }) => manifest);
  }

  /** No build finds it any more. */
  forget(manifest: string): void {
    this.statements.forget.run({ manifest });
  }
}
