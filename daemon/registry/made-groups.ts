/** Directories of control groups that were made above containers with a parent group of somebody else's. */
import type { Database, Statement } from 'better-sqlite3';

type Fields = Record<string, string>;

export class MadeGroupRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      all: prepare<{ directory: string }>('SELECT directory FROM made_groups'),
      add: prepare('INSERT INTO made_groups (directory) VALUES (:directory) ON CONFLICT DO NOTHING'),
      delete: prepare('DELETE FROM made_groups WHERE directory = :directory'),
    };
  }

  all(): string[] {
    return this.statements.all.all({}).map(({ directory }) => directory);
  }

  add(directories: readonly string[]): void {
    for (const directory of directories) this.statements.add.run({ directory });
  }

  delete(directories: readonly string[]): void {
    for (const directory of directories) this.statements.delete.run({ directory });
  }
}
