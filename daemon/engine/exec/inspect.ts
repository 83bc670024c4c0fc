/** What there is to say about an exec. */
import type { ExecDetail } from '../../../shared/api/exec.ts';
import type { Context } from '../context.ts';
import { findExec } from './find.ts';

export function inspectExec(context: Context, id: string): ExecDetail {
  const { exec } = findExec(context, id);
  const { container, status, request, pid, createdAt, startedAt, exit } = exec;
  return {
    id: exec.id,
    container,
    status,
    request,
    ...(pid === null ? {} : { pid }),
    createdAt,
    ...(startedAt === null ? {} : { startedAt }),
    ...(exit === null ? {} : { exit }),
  };
}
