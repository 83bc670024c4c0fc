/** Sets the size of an exec's terminal. */
import type { ResizeRequest } from '../../../shared/api/exec.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { resizeProcess } from '../resize.ts';
import { findExec } from './find.ts';

export async function resizeExec(context: Context, id: string, size: ResizeRequest): Promise<void> {
  const { exec, container } = findExec(context, id);
  const { run } = container;
  if (exec.status !== 'running' || !run?.execs.has(id)) {
    throw new EngineError('exec_not_running', `exec ${id.slice(0, 12)} is not running (it is ${exec.status})`);
  }
  await resizeProcess(container, run, id, size);
}
