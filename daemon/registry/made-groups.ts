/** Directories of control groups that were made above containers with a parent group of somebody else's. */
import type { Database, Statement } from 'better-sqlite3';

type Fields = Record<string, string>;

export class MadeGroupRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      ofBoot: prepare<{ directory: string }>('SELECT directory FROM made_groups WHERE boot_id = :bootId'),
      add: prepare(
        `INSERT INTO made_groups (directory, boot_id) VALUES (:directory, :bootId)
         ON CONFLICT (directory) DO UPDATE SET boot_id = excluded.boot_id`,
      ),
      forgetOthers: prepare('DELETE FROM made_groups WHERE boot_id <> :bootId'),
      delete: prepare('DELETE FROM made_groups WHERE directory = :directory'),
    };
  }

  ofBoot(bootId: string): string[] {
    return this.statements.ofBoot.all({ bootId }).map(({ directory }) => directory);
  }

  add(directories: readonly string[], bootId: string): void {
    for (const directory of directories) this.statements.add.run({ directory, bootId });
  }

  /** Those of other boots, which ended with them. */
  forgetOthers(bootId: string): void {
    this.statements.forgetOthers.run({ bootId });
  }

  delete(directories: readonly string[]): void {
    for (const directory of directories) this.statements.delete.run({ directory });
  }
}
