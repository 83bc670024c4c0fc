/** What makes a command end before its time. `main` prints it and takes its exit code. */
import type { Problem } from '../shared/api/problem.ts';

/** Exit codes as docker's: https://docs.docker.com/reference/cli/docker/container/run/#exit-status */
export const EXIT = {
  failure: 1,
  /** The daemon or the command line itself failed, not the program in the container. */
  engine: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

export class CliError extends Error {
  override name = 'CliError';
  /** Absent: the failing command's own code (Command.failureCode). */
  readonly exitCode: number | undefined;
  readonly hint: string | undefined;

  constructor(message: string, details: { exitCode?: number; hint?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exitCode = details.exitCode;
    this.hint = details.hint;
  }
}

/** The command line itself is wrong. */
export class UsageError extends CliError {
  override name = 'UsageError';
}

/** The daemon's answer was a problem document. */
export class ProblemError extends CliError {
  override name = 'ProblemError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    const exitCode = exitCodeOfProblem(problem.code);
    super(problem.detail === '' ? problem.title : problem.detail, {
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    });
    this.problem = problem;
  }
}

function exitCodeOfProblem(code: string): number | undefined {
  if (code === 'command_not_found') return EXIT.notFound;
  if (code === 'command_not_executable') return EXIT.notExecutable;
  return undefined;
}

/** The connection ended in the middle of something. */
export class ConnectionLostError extends CliError {
  override name = 'ConnectionLostError';

  constructor(message = 'lost the connection to the daemon', cause?: unknown) {
    super(message, { exitCode: EXIT.engine, ...(cause === undefined ? {} : { cause }) });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
