/** Removes the containers that do not run. */
import type { ContainerPruneRequest, ContainerPruneResponse } from '../../shared/api/storage.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { remove } from './remove.ts';
import { pruneFilter } from './storage/prune-filter.ts';
import { containerUsage } from './storage/container-usage.ts';

/** `reclaimed`: what they wrote and their logs, as it was measured before. Throws `invalid_field`. */
export async function pruneContainers(
  context: Context,
  request: ContainerPruneRequest,
): Promise<ContainerPruneResponse> {
  const admits = pruneFilter(request);
  const removed: string[] = [];
  let reclaimed = 0;
  for (const container of [...context.containers]) {
    if (!isAtRest(container) || !admits(container.row)) continue;
    const { size, logSize } = await containerUsage(context, container);
    // started, removed, or another's turn by now
    if (!isAtRest(container) || context.containers.get(container.id) !== container) continue;
    if (!(await isRemoved(context, container))) continue;
    removed.push(container.id);
    reclaimed += size + logSize;
  }
  return { removed, reclaimed };
}

function isAtRest({ row, turn, nextStart }: Container): boolean {
  return nextStart === undefined && (row.status === 'created' || row.status === 'stopped') && !turn.taken;
}

/** False where others were faster. */
async function isRemoved(context: Context, { id }: Container): Promise<boolean> {
  try {
    await remove(context, id, { force: false, volumes: false });
    return true;
  } catch (error) {
    if (error instanceof EngineError && (error.class === 'not_found' || error.class === 'conflict')) return false;
    throw error;
  }
}
