/** Makes an exec in a running container; nothing runs before it is started. */
import { randomBytes } from 'node:crypto';
import type { ExecRequest } from '../../../shared/api/exec.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Context } from '../context.ts';
import { checkDetachKeys } from '../detach-keys.ts';
import { runOf } from '../kill.ts';
import { execProcess } from './process.ts';

export async function createExec(context: Context, ref: string, request: ExecRequest): Promise<{ id: string }> {
  const container = context.containers.find(ref);
  checkDetachKeys(request.detachKeys);
  return container.turn.run(() => {
    runOf(container, 'exec');
    // what is wrong with the request is told now, not at start
    const process = execProcess(context, container, request);
    const id = randomBytes(32).toString('hex');
    context.journal.commit(
      (registry) => {
        registry.execs.insert({ id, container: container.id, request, createdAt: nowTimestamp() });
      },
      { action: 'exec_create', container: container.row, exec: id, detail: request.command.join(' ') },
    );
    context.prepared.keep(id, process);
    return { id };
  });
}
