/** What a container changed of what it was made of. */
import type { Download } from '../../api/engine.ts';
import type { Context } from '../context.ts';
import { begunWork } from './copy.ts';
import type { Job } from './jobs.ts';
import { differingOf, isComparedOnly } from './view-of.ts';

/** A JSON array of Change: a container may have changed a million files, and nobody has to hold them all. */
export async function containerChanges(context: Context, ref: string, signal: AbortSignal): Promise<Download> {
  const container = context.containers.find(ref);
  const job = (): Job => ({ do: 'changes', of: differingOf(context, container, isComparedOnly()) });
  const work = await begunWork(context, container, job, signal);
  return { stream: work.pieces() };
}
