/** Removes what nobody uses, in the order in which one thing lets go of the other: containers have the rest. */
import type { SystemPruneRequest, SystemPruneResponse } from '../../../shared/api/storage.ts';
import type { Context } from '../context.ts';
import { pruneImages } from '../images/prune.ts';
import { pruneNetworks } from '../networks/remove.ts';
import { pruneContainers } from '../prune-containers.ts';
import { pruneVolumes } from '../volumes/prune.ts';
import { pruneFilter } from './prune-filter.ts';

/** Throws `invalid_field`, `kernel_refused`. */
export async function pruneSystem(context: Context, request: SystemPruneRequest): Promise<SystemPruneResponse> {
  const { all = false, volumes: withVolumes = false, until, label } = request;
  const filters = { ...(label === undefined ? {} : { label }), ...(until === undefined ? {} : { until }) };
  const admits = pruneFilter(filters);
  const containers = await pruneContainers(context, filters);
  const networks = await pruneNetworks(context, admits);
  const volumes = withVolumes ? await pruneVolumes(context, filters) : { removed: [], reclaimed: 0 };
  const images = await pruneImages(context, { all, ...filters });
  return {
    containers: containers.removed,
    networks,
    volumes: volumes.removed,
    untagged: images.untagged,
    deleted: images.deleted,
    reclaimed: containers.reclaimed + volumes.reclaimed + images.reclaimed,
  };
}
