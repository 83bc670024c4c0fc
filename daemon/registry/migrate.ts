/** Brings the database to the newest schema: migrations/NNNN_name.sql in order, one transaction each, recorded. */
import type { Database } from 'better-sqlite3';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RegistryError } from './error.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** The migrations in `directory`, in order; their numbers must be 1, 2, 3, … */
export function readMigrations(directory: string): Migration[] {
  const files = readdirSync(directory)
    .filter((file) => /^[0-9]{4}_[a-z0-9_]+\.sql$/.test(file))
    .sort();
  return files.map((file, index) => {
    const version = Number(file.slice(0, 4));
    if (version !== index + 1) throw new Error(`${join(directory, file)}: migration ${String(index + 1)} is missing`);
    return { version, name: file, sql: readFileSync(join(directory, file), 'utf8') };
  });
}

export function migrate(database: Database, directory: string): void {
  const migrations = readMigrations(directory);
  if (migrations.length === 0) throw new Error(`${directory}: no migrations`);
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > migrations.length) {
    throw new RegistryError(
      'newer',
      `${database.name} has schema ${String(version)}, this tare knows ${String(migrations.length)}: it was written by a later version`,
    );
  }
  for (const migration of migrations.slice(version)) apply(database, migration);
}

function apply(database: Database, migration: Migration): void {
  database.transaction(() => {
    database.exec(migration.sql);
    database.exec(
      'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT',
    );
    database
      .prepare('INSERT INTO migrations (version, name, applied_at) VALUES (?, ?, ?)')
      .run(migration.version, migration.name, new Date().toISOString());
    database.pragma(`user_version = ${String(migration.version)}`);
  })();
}
