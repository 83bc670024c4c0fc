/** Removes volumes that no container has: anonymous ones, or all. Those of a device stay, as they take nothing of the disk. */
import type { VolumePruneRequest, VolumePruneResponse } from '../../../shared/api/volume.ts';
import type { Context } from '../context.ts';
import { pruneFilter, type PruneFilters } from '../storage/prune-filter.ts';
import { takeUnused } from './remove.ts';

/** `reclaimed` is what they took when it was looked at, right before they went. */
export async function pruneVolumes(
  context: Context,
  request: VolumePruneRequest & PruneFilters,
): Promise<VolumePruneResponse> {
  const { all = false } = request;
  const admits = pruneFilter(request);
  const removed: string[] = [];
  let reclaimed = 0;
  for (const { name } of context.registry.volumes.all()) {
    if (!isUnused(context, name, all)) continue;
    const size = await context.trees.measure(context.places.volume(name));
    // others may have come to use it, or removed it, while it was measured
    const row = context.registry.volumes.get(name);
    if (row === undefined || !isUnused(context, name, all) || !admits(row)) continue;
    takeUnused(context, row);
    removed.push(name);
    reclaimed += size;
  }
  return { removed, reclaimed };
}

function isUnused({ registry }: Pick<Context, 'registry'>, name: string, all: boolean): boolean {
  const row = registry.volumes.get(name);
  return (
    row !== undefined &&
    row.device === undefined &&
    (all || row.anonymous) &&
    registry.volumes.usersOf(name).length === 0
  );
}
