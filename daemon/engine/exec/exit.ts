/** What happens when an exec has ended. */
import type { Exit } from '../../../shared/api/container.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
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
