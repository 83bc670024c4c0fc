/** The whole root of a container as a tar archive, without what is mounted in it. */
import type { Download } from '../../api/engine.ts';
import type { Context } from '../context.ts';
import { begunWork } from './copy.ts';
import type { Job } from './jobs.ts';
import { viewOf } from './view-of.ts';

export async function exportContainer(context: Context, ref: string, signal: AbortSignal): Promise<Download> {
  const container = context.containers.find(ref);
  const job = (): Job => ({ do: 'export', view: viewOf(context, container) });
  const work = await begunWork(context, container, job, signal);
  context.journal.commit(() => undefined, { action: 'export', container: container.row });
  return { stream: work.pieces(), writeTo: work.writeTo };
}
