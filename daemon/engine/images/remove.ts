/** Takes names from images, and images that are left without one, with what only they had need of. */
import type { ImageRemoveQuery, ImageRemoveResponse } from '../../../shared/api/image.ts';
import type { Digest } from '../../images/digest.ts';
import { ImageError } from '../../images/errors.ts';
import { parseReference, repositoryName } from '../../images/reference.ts';
import { RegistryError } from '../../registry/error.ts';
import type { ManifestRow } from '../../registry/images.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import type { Happening } from '../journal.ts';
import { findImage, manifestsOfId } from './find.ts';
import { imageError } from './image-error.ts';
import { readableConfig, shownName } from './summary.ts';

/** Containers and names that a refusal tells. */
const MOST_TOLD = 5;

export interface Leaving {
  readonly manifest: ManifestRow;
  /** Canonical: those that it is to lose. */
  readonly names: readonly string[];
}

/**
 * By a name: that name, and with the last one the image. By an id: the image, with all its names where `force` says so.
 * Throws as findImage(), and `image_in_use`.
 */
export async function removeImage(
  context: Context,
  ref: string,
  query: ImageRemoveQuery,
): Promise<ImageRemoveResponse> {
  const { manifest: first } = findImage(context, ref);
  const labels = (await readableConfig(context, first))?.run.labels ?? {};
  const { force = false, noPrune = false } = query;
  // it may be gone by now, or have another name
  const leaving = leavingOf(context, ref, force);
  for (const each of leaving) checkUnused(context, each, force);
  const deleted = takeNames(context, leaving, { labels, keep: noPrune });
  const untagged = leaving.flatMap(({ names }) => names.map(shownName));
  if (deleted.length === 0) return { untagged, deleted };
  return { untagged, deleted: [...deleted, ...(await collectContent(context)).layers] };
}

function leavingOf(context: Context, ref: string, force: boolean): Leaving[] {
  const { manifest, name } = findImage(context, ref);
  const { images } = context.registry;
  if (name !== undefined) return [{ manifest, names: namesMeant(context, ref, manifest, name) }];
  const leaving = manifestsOfId(context, manifest.config).map((row) => ({
    manifest: row,
    names: images.namesOf(row.digest).map((each) => each.name),
  }));
  const names = leaving.flatMap((each) => each.names);
  if (names.length <= 1 || force) return leaving;
  throw new EngineError(
    'image_in_use',
    `image ${shortId(manifest)} has several names: ${listed(names.map(shownName))}`,
    {
      hint: 'give the name that is to go, or force all of them',
    },
  );
}

/** A digest stands for all names of that repository. */
function namesMeant(context: Context, ref: string, manifest: ManifestRow, name: string): string[] {
  const given = parseReference(ref);
  if (given.digest === undefined || name.endsWith(`@${given.digest}`)) return [name];
  const repository = repositoryName(given);
  const names = context.registry.images.namesOf(manifest.digest).map((row) => row.name);
  return names.filter((each) => repositoryName(parseReference(each)) === repository);
}

/** Only the last name counts: with others left the containers have their image as before. */
function checkUnused(context: Context, { manifest, names }: Leaving, force: boolean): void {
  const { images, buildSteps } = context.registry;
  if (images.namesOf(manifest.digest).length > names.length) return;
  // one that has a name loses that, and stays as a step of theirs
  if (names.length === 0 && buildSteps.hasChildren(manifest.digest)) {
    throw new EngineError('image_in_use', `image ${shortId(manifest)} is a step of which others were built`, {
      hint: 'remove those first, or forget all steps with "tare builder prune --all"',
    });
  }
  const users = images.usersOf(manifest.digest).map((id) => ({ id, container: context.containers.get(id) }));
  const obstacles = force ? users.filter(({ container }) => runs(container?.row.status)) : users;
  if (obstacles.length === 0) return;
  const containers = obstacles.map(({ id, container }) => container?.name ?? id.slice(0, 12));
  const what = names[0] === undefined ? shortId(manifest) : shownName(names[0]);
  throw new EngineError('image_in_use', `image ${what} is in use by ${listed(containers)}`, {
    hint: force ? 'stop its containers first' : 'remove its containers first, or force it if they do not run',
  });
}

function runs(status: string | undefined): boolean {
  return status === 'running' || status === 'paused';
}

/**
 * In one transaction; ids of the images that nobody has need of any more, which are gone. What a container or a running
 * pull has need of stays, without a name. Also where the disk is full: this is how it gets room.
 */
export function takeNames(
  context: Pick<Context, 'journal' | 'registry'>,
  leaving: readonly Leaving[],
  { labels, keep }: { readonly labels: Readonly<Record<string, string>>; readonly keep: boolean },
): string[] {
  const dropped = keep ? [] : leaving.filter((each) => isFree(context, each));
  const happenings = leaving.flatMap((each): Happening[] => {
    const { manifest, names } = each;
    const id = manifest.config;
    const [name = id] = names.map(shownName);
    return [
      ...names.map((one) => ({ action: 'image_untag', image: { id, name: shownName(one), labels } }) as const),
      ...(dropped.includes(each) ? [{ action: 'image_delete', image: { id, name, labels } } as const] : []),
    ];
  });
  let built: string[] = [];
  context.journal.commitEnd(
    (registry) => {
      const { images } = registry;
      for (const name of leaving.flatMap(({ names }) => names)) images.untag(name);
      built = dropped.flatMap(({ manifest }) => dropBuilt(registry, manifest.digest));
    },
    ...happenings,
  );
  return [...new Set([...dropped.map(({ manifest }) => manifest.config), ...built])];
}

/** The image, and with it what it was built of and nobody else has need of; ids of all that went. In a transaction. */
export function dropBuilt({ images, buildSteps }: Registry, digest: string): string[] {
  const ids: string[] = [];
  const todo = [digest];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const row = images.manifest(next);
    const parents = buildSteps.parentsOf(next);
    if (row === undefined || !images.drop(next)) continue;
    ids.push(row.config);
    todo.push(...parents);
  }
  return ids;
}

/** Nobody has need of it but by these names. */
function isFree({ registry }: Pick<Context, 'registry'>, { manifest, names }: Leaving): boolean {
  const { images, imageContent } = registry;
  return (
    images.namesOf(manifest.digest).length === names.length &&
    images.usersOf(manifest.digest).length === 0 &&
    !registry.buildSteps.hasChildren(manifest.digest) &&
    !imageContent.isLeased(manifest.digest as Digest)
  );
}

/** Gives back what nothing has need of. What failed pulls left to be resumed only with `dropKept`. */
export async function collectContent(
  context: Pick<Context, 'images' | 'registry'>,
  options: { readonly dropKept?: boolean } = {},
): Promise<{ readonly layers: readonly string[]; readonly size: number }> {
  try {
    return await collect(context, options);
  } catch (error) {
    if (isFullRegistry(error) && context.registry.reserve.release()) return collect(context, options);
    throw error instanceof ImageError ? imageError(error) : error;
  }
}

function collect({ images }: Pick<Context, 'images'>, options: { readonly dropKept?: boolean }) {
  return images.work.run(undefined, () => images.store.collect(options));
}

function isFullRegistry(error: unknown): boolean {
  return error instanceof RegistryError && error.kind === 'full';
}

function shortId({ config }: ManifestRow): string {
  return config.slice(config.indexOf(':') + 1).slice(0, 12);
}

function listed(names: readonly string[]): string {
  const more = names.length > MOST_TOLD ? ` and ${names.length - MOST_TOLD} more` : '';
  return names.slice(0, MOST_TOLD).join(', ') + more;
}
