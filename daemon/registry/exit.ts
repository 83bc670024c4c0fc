/** An exit as columns. */
import type { Exit } from '../../shared/api/container.ts';

export interface ExitColumns {
  readonly exit_unknown: number | null;
  readonly exit_code: number | null;
  readonly exit_signal: string | null;
  readonly exit_oom: number | null;
  readonly exit_at: string | null;
}

export function exitOf(columns: ExitColumns): Exit | null {
  if (columns.exit_at === null) return null;
  return {
    unknown: columns.exit_unknown === 1,
    ...(columns.exit_code === null ? {} : { code: columns.exit_code }),
    ...(columns.exit_signal === null ? {} : { signal: columns.exit_signal }),
    oomKilled: columns.exit_oom === 1,
    at: columns.exit_at,
  };
}

/** The statement parameters :unknown, :code, :signal, :oom, :at. */
export function exitColumns(exit: Exit) {
  return {
    unknown: Number(exit.unknown),
    code: exit.code ?? null,
    signal: exit.signal ?? null,
    oom: Number(exit.oomKilled),
    at: exit.at,
  };
}
