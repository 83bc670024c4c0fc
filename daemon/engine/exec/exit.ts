/** What happens when an exec has ended. */
import type { Exit } from '../../../shared/api/container.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError, type ErrorCode } from '../errors.ts';
import { EXECS_KEPT } from '../settings.ts';

/** The shim tells of the end of an exec. One that is not in `run.execs` is still starting, or unknown. */
export function execExited(context: Context, container: Container, run: Run, exec: string, exit: Exit): void {
  if (run.execsStarting.has(exec)) {
    run.execsStarting.set(exec, exit);
    return;
  }
  if (run.execs.delete(exec)) commitExecExit(context, container, exec, exit);
  run.execEnded?.();
  run.shim.forget(exec).catch((error: unknown) => {
    context.log.warn(
      { err: error, container: container.id, exec },
      'ignoring that the shim could not drop an exec: it may be gone',
    );
  });
}

/** Of the execs that are left when their container has ended nobody will tell. */
export function execsLost(context: Context, container: Container, run: Run): void {
  for (const exec of run.execs) {
    commitExecExit(context, container, exec, { unknown: true, oomKilled: false, at: nowTimestamp() });
  }
  run.execs.clear();
}

export function commitExecExit(context: Context, container: Container, exec: string, exit: Exit): void {
  try {
    context.journal.commitEnd(
      (registry) => {
        registry.execs.exited(exec, exit);
        registry.execs.trim(container.id, EXECS_KEPT);
      },
      {
        action: 'exec_die',
        container: container.row,
        exec,
        ...(exit.code === undefined ? {} : { exitCode: exit.code }),
      },
    );
  } catch (error) {
    context.log.error({ err: error, container: container.id, exec }, 'the exit of an exec could not be committed');
  }
}

/** As shells tell it (POSIX, 2.8.2 Exit Status for Commands). */
const EXIT_OF_FAILURE: Readonly<Partial<Record<ErrorCode, number>>> = {
  command_not_found: 127,
  command_not_executable: 126,
  launch_failed: 126,
};

/** Of one that could not be started that is the end, where it is its command's fault; else it may be tried again. */
export function notStarted(context: Context, container: Container, exec: string, error: unknown): void {
  const code = error instanceof EngineError ? EXIT_OF_FAILURE[error.code] : undefined;
  if (code === undefined) return;
  const exit: Exit = { unknown: false, code, oomKilled: false, at: nowTimestamp() };
  try {
    context.journal.commitEnd((registry) => {
      registry.execs.exited(exec, exit);
      registry.execs.trim(container.id, EXECS_KEPT);
    });
  } catch (cause) {
    context.log.error({ err: cause, container: container.id, exec }, 'the failure of an exec could not be committed');
  }
}
