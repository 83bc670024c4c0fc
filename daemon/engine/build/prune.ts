/** Forgets steps of builds: those that no image with a name, and no container, was built on; or all of them. */
import type { BuildPruneRequest, BuildPruneResponse } from '../../../shared/api/build.ts';
import type { Context } from '../context.ts';
import { collectContent, dropBuilt } from '../images/remove.ts';
import { pruneFilter } from '../storage/prune-filter.ts';

/** Throws `invalid_field`. */
export async function pruneBuilds(context: Context, request: BuildPruneRequest): Promise<BuildPruneResponse> {
  const { all = false, ...filter } = request;
  const admits = pruneFilter(filter);
  const { images, buildSteps } = context.registry;
  const deleted: string[] = [];
  // the last that were made first: those that they were made of go after them
  for (const digest of buildSteps.manifests().reverse()) {
    const row = images.manifest(digest);
    if (row === undefined || !admits({ createdAt: row.createdAt, labels: {} })) continue;
    const isNamed = images.namesOf(digest).length > 0 || images.usersOf(digest).length > 0;
    if (isNamed && !all) continue;
    context.journal.commitEnd((registry) => {
      // of what stays nobody is to know any more how it was made
      if (all) registry.buildSteps.forget(digest);
      deleted.push(...dropBuilt(registry, digest));
    });
  }
  const { layers, size } = await collectContent(context);
  return { deleted: [...deleted, ...layers], reclaimed: size };
}
