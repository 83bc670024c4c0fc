/** Removes images that nobody uses: those without a name, or all that no container has. */
import type { ImagePruneRequest, ImagePruneResponse } from '../../../shared/api/image.ts';
import type { Digest } from '../../images/digest.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Context } from '../context.ts';
import { pruneFilter } from '../storage/prune-filter.ts';
import { collectContent, takeNames } from './remove.ts';
import { createdAtOf, readableConfig, shownName } from './summary.ts';

/** With `all` also what failed pulls left to be resumed. Throws `invalid_field`. */
export async function pruneImages(context: Context, request: ImagePruneRequest): Promise<ImagePruneResponse> {
  const { all = false } = request;
  const admits = pruneFilter(request);
  const untagged: string[] = [];
  const deleted: string[] = [];
  // what was built of another comes after it, and goes before it
  for (const manifest of context.registry.images.manifests().reverse()) {
    if (!isUnused(context, manifest, all)) continue;
    const config = await readableConfig(context, manifest);
    const labels = config?.run.labels ?? {};
    if (!admits({ createdAt: createdAtOf(config), labels })) continue;
    // others may have come to use it while its configuration was read
    if (!isUnused(context, manifest, all)) continue;
    const names = context.registry.images.namesOf(manifest.digest).map(({ name }) => name);
    deleted.push(...takeNames(context, [{ manifest, names }], { labels, keep: false }));
    untagged.push(...names.map(shownName));
  }
  const collected = await collectContent(context, { dropKept: all });
  return { untagged, deleted: [...deleted, ...collected.layers], reclaimed: collected.size };
}

function isUnused({ registry }: Pick<Context, 'registry'>, { digest }: ManifestRow, all: boolean): boolean {
  const { images, imageContent, buildSteps } = registry;
  return (
    images.manifest(digest) !== undefined &&
    (all || images.namesOf(digest).length === 0) &&
    images.usersOf(digest).length === 0 &&
    !buildSteps.hasChildren(digest) &&
    !imageContent.isLeased(digest as Digest)
  );
}
