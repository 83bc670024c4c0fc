/** A client let go of an exec by its keys; the exec goes on. */
import type { Context } from '../context.ts';
import { findExec } from './find.ts';

export function detachedExec(context: Context, id: string): void {
  const { exec, container } = findExec(context, id);
  context.journal.commit(() => undefined, { action: 'exec_detach', container: container.row, exec: exec.id });
}
