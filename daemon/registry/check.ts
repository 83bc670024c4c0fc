/** Is the database sound, and does every row have what it refers to? Table by table, so that others get their turn. */
import type { Database } from 'better-sqlite3';
import { setImmediate as turn } from 'node:timers/promises';

/** Problems told of one table. */
const MOST_TOLD = 100;

interface Violation {
  readonly table: string;
  readonly rowid: number | null;
  readonly parent: string;
}

/** https://www.sqlite.org/pragma.html#pragma_integrity_check, #pragma_foreign_key_check */
export async function checkDatabase(database: Database): Promise<string[]> {
  const tables = database
    .prepare<[], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all();
  const problems: string[] = [];
  for (const { name } of tables) {
    const verdicts = database
      .prepare<[string, number], { problem: string }>(
        'SELECT integrity_check AS problem FROM pragma_integrity_check(?) LIMIT ?',
      )
      .all(name, MOST_TOLD);
    problems.push(...verdicts.map(({ problem }) => `${name}: ${problem}`).filter((text) => text !== `${name}: ok`));
    const violations = database
      .prepare<[string, number], Violation>('SELECT "table", rowid, parent FROM pragma_foreign_key_check(?) LIMIT ?')
      .all(name, MOST_TOLD);
    problems.push(
      ...violations.map(({ table, rowid, parent }) => `${table}: row ${String(rowid)} refers to no row of ${parent}`),
    );
    await turn();
  }
  return problems;
}
