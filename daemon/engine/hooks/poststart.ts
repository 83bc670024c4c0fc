/** poststart hooks: run when the program runs, before the start is answered. */
import { hooksOf } from '../../runtime/hooks/hooks.ts';
import type { Spec } from '../../runtime/spec/types.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { killRun } from '../kill.ts';
import { endOfKilled } from '../stop.ts';
import { Stages } from './stages.ts';

/**
 * In the container's turn, when its start is committed but an end that came meanwhile is not dealt with: poststop hooks
 * wait for these. Throws `hook_failed` where the spec is of a version that ends the container then, and it has ended.
 */
export async function poststart(context: Context, container: Container, run: Run, spec: Spec): Promise<void> {
  const { pid } = container.row;
  if (hooksOf(spec.hooks, 'poststart').length === 0 || pid === null) return;
  const hooks = new Stages(context, container, run.shim, spec).poststart(pid);
  run.poststart = hooks.catch(() => undefined);
  try {
    await hooks;
  } catch (error) {
    // what the daemon's own end cut short says nothing about the container
    if (!context.closing.signal.aborted) await endContainer(context, container, run, error);
    throw error;
  }
}

async function endContainer(context: Context, container: Container, run: Run, error: unknown): Promise<void> {
  if (!run.ending) await killRun(context, container, run);
  await endOfKilled(run, container.name);
  const failure = error instanceof Error ? error.message : String(error);
  context.journal.commitEnd((registry) => {
    registry.containers.setFailure(container.id, failure);
  });
  container.change({ failure });
}
