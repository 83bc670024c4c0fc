/** The processes of a container, as ps -ef shows them. */
import type { Top } from '../../shared/api/container.ts';
import { FULL_COLUMNS, processRows, titlesOf } from '../runtime/process-table.ts';
import type { Context } from './context.ts';
import { processesOf } from './freezer.ts';
import { runOf } from './kill.ts';

export async function top(context: Context, ref: string): Promise<Top> {
  const container = context.containers.find(ref);
  return container.turn.run(() => {
    runOf(container, 'top');
    const processes = processRows(processesOf(context, container), FULL_COLUMNS);
    return { titles: titlesOf(FULL_COLUMNS), processes };
  });
}
