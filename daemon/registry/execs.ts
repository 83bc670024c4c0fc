/** Rows of execs. */
import type { Database, Statement } from 'better-sqlite3';
import type { Exit } from '../../shared/api/container.ts';
import type { ExecDetail, ExecRequest } from '../../shared/api/exec.ts';
import { type ExitColumns, exitColumns, exitOf } from './exit.ts';

export interface ExecRow {
  readonly id: string;
  readonly container: string;
  readonly status: ExecDetail['status'];
  readonly request: ExecRequest;
  readonly pid: number | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly exit: Exit | null;
}

interface Columns extends ExitColumns {
  readonly id: string;
  readonly container: string;
  readonly status: ExecDetail['status'];
  readonly request: string;
  readonly pid: number | null;
  readonly created_at: string;
  readonly started_at: string | null;
}

type Fields = Record<string, string | number | null>;

export class ExecRepository {
  private readonly statements;

  constructor(database: Database) {
    const prepare = <R = unknown>(sql: string): Statement<[Fields], R> => database.prepare<[Fields], R>(sql);
    this.statements = {
      get: prepare<Columns>('SELECT * FROM execs WHERE id = :id'),
      idsOf: prepare<{ id: string }>('SELECT id FROM execs WHERE container = :container ORDER BY created_at, id'),
      running: prepare<{ id: string }>(
        `SELECT id FROM execs WHERE container = :container AND status = 'running' ORDER BY created_at, id`,
      ),
      insert: prepare(`INSERT INTO execs (id, container, status, request, created_at)
        VALUES (:id, :container, 'created', :request, :createdAt)`),
      started: prepare(`UPDATE execs SET status = 'running', pid = :pid, started_at = :at WHERE id = :id`),
      exited: prepare(`UPDATE execs SET status = 'exited', pid = NULL, exit_unknown = :unknown, exit_code = :code,
          exit_signal = :signal, exit_oom = :oom, exit_at = :at
        WHERE id = :id`),
      trim: prepare(`DELETE FROM execs WHERE container = :container AND status = 'exited' AND id NOT IN
          (SELECT id FROM execs WHERE container = :container AND status = 'exited' ORDER BY exit_at DESC LIMIT :keep)`),
    };
  }

  get(id: string): ExecRow | undefined {
    const columns = this.statements.get.get({ id });
    return columns === undefined ? undefined : rowOf(columns);
  }

  /** Ids of a container's execs, oldest first. */
  idsOf(container: string): string[] {
    return this.statements.idsOf.all({ container }).map((row) => row.id);
  }

  runningOf(container: string): string[] {
    return this.statements.running.all({ container }).map((row) => row.id);
  }

  insert(row: Pick<ExecRow, 'id' | 'container' | 'request' | 'createdAt'>): void {
    const { id, container, createdAt } = row;
    this.statements.insert.run({ id, container, createdAt, request: JSON.stringify(row.request) });
  }

  started(id: string, pid: number, at: string): void {
    this.statements.started.run({ id, pid, at });
  }

  exited(id: string, exit: Exit): void {
    this.statements.exited.run({ id, ...exitColumns(exit) });
  }

  /** Forgets all but the `keep` execs of the container that ended last. */
  trim(container: string, keep: number): void {
    this.statements.trim.run({ container, keep });
  }
}

function rowOf(columns: Columns): ExecRow {
  const { id, container, status, pid } = columns;
  return {
    id,
    container,
    status,
    request: JSON.parse(columns.request) as ExecRequest,
    pid,
    createdAt: columns.created_at,
    startedAt: columns.started_at,
    exit: exitOf(columns),
  };
}
