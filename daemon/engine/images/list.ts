/** Lists images, the newest first; several manifests of one image are one entry each. */
import type { ImageListQuery, ImageSummary } from '../../../shared/api/image.ts';
import { familiarName, parseReference } from '../../images/reference.ts';
import type { ManifestRow } from '../../registry/images.ts';
import { hasLabel } from '../events.ts';
import { inBatches } from '../in-batches.ts';
import { momentOf } from '../moment.ts';
import { findImage, type ImageContext } from './find.ts';
import { patternOf } from './pattern.ts';
import { createdAtOf, layerTable, readableConfig, summaryOf } from './summary.ts';

/** Throws `invalid_field`, and as findImage() for `before` and `since`. */
export async function listImages(context: ImageContext, query: ImageListQuery): Promise<ImageSummary[]> {
  const admits = await filterOf(context, query);
  const patterns = query.reference?.map((text) => patternOf(text, 'reference'));
  const table = layerTable(context);
  const rows = query.all === true ? context.registry.images.manifests() : heads(context);
  const all = await inBatches(rows, (row) => summaryOf(context, table, row));
  const found = all.filter(admits).map((summary) => ({ ...summary, names: namesAsked(summary.names, patterns) }));
  return found.filter(({ names }) => patterns === undefined || names.length > 0).toSorted(newestFirst);
}

/** Without those that have no name and that another was built of. */
function heads({ registry }: ImageContext): ManifestRow[] {
  const parents = registry.buildSteps.parents();
  const isStep = ({ digest }: ManifestRow): boolean =>
    parents.has(digest) && registry.images.namesOf(digest).length === 0;
  return registry.images.manifests().filter((row) => !isStep(row));
}

/** Whoever asks by name is shown the names asked for. */
function namesAsked(names: string[], patterns: readonly ((name: string) => boolean)[] | undefined): string[] {
  if (patterns === undefined) return names;
  return names.filter((name) => {
    const repository = familiarName(parseReference(name));
    return patterns.some((fits) => fits(name) || fits(repository));
  });
}

async function filterOf(context: ImageContext, query: ImageListQuery): Promise<(image: ImageSummary) => boolean> {
  const { dangling, label: labels } = query;
  const before = await builtAt(context, query.before);
  const since = await builtAt(context, query.since);
  const until = query.until === undefined ? undefined : momentOf(query.until, 'until');
  return ({ names, labels: has, createdAt = '' }) =>
    (dangling === undefined || dangling === (names.length === 0)) &&
    (labels === undefined || labels.every((label) => hasLabel(has, label))) &&
    (before === undefined || createdAt < before) &&
    (since === undefined || createdAt > since) &&
    (until === undefined || createdAt < until);
}

/** "": it does not say, and counts as the oldest. */
async function builtAt(context: ImageContext, ref: string | undefined): Promise<string | undefined> {
  if (ref === undefined) return undefined;
  return createdAtOf(await readableConfig(context, findImage(context, ref).manifest)) ?? '';
}

function newestFirst(left: ImageSummary, right: ImageSummary): number {
  const [one, other] = [`${left.createdAt ?? ''} ${left.manifest}`, `${right.createdAt ?? ''} ${right.manifest}`];
  return one < other ? 1 : one > other ? -1 : 0;
}
