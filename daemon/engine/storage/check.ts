/** Is all that is stored what it should be: the registry, images, containers, volumes, and nothing else in the root directory? */
import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { NAME_PATTERN } from '../../../shared/api/common.ts';
import type { SystemCheckRequest, SystemCheckResponse } from '../../../shared/api/storage.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { Context } from '../context.ts';
import { makeVolumeDirectory } from '../volumes/make-volume.ts';
import { nameOfRemoved } from '../volumes/take.ts';
import { checkImages } from './check-images.ts';
import { systemFinding, type SystemFinding } from './findings.ts';

/** What the root directory holds. `lost+found` is of file systems that begin there. */
const OURS = new Set([
  'tare.db',
  'tare.db-wal',
  'tare.db-shm',
  'lock',
  'reserve',
  'containers',
  'volumes',
  'builds',
  'images',
  'lost+found',
]);
const CONTAINER = /^[0-9a-f]{64}$/;
/** Removed, and its files are on their way. */
const REMOVED_CONTAINER = /^[0-9a-f]{64}\.removed$/;
const VOLUME = new RegExp(NAME_PATTERN);

/**
 * May run beside everything else, and takes the time that reading all blobs takes. Directories and rows are compared in one
 * step of the event loop, so that what is being made or removed meanwhile is no finding; nor is what a former daemon left
 * and this one is about to clear away.
 */
export async function checkSystem(
  context: Context,
  { repair = false }: SystemCheckRequest,
): Promise<SystemCheckResponse> {
  await context.swept.promise;
  const findings = [
    ...(await context.registry.check()).map((problem) =>
      systemFinding('registry_damaged', 'tare.db', undefined, problem),
    ),
    ...(await checkImages(context, repair)),
    ...checkContainers(context, repair),
    ...checkVolumes(context, repair),
    ...checkRoot(context),
  ];
  return { sound: findings.every(({ repaired }) => repaired), findings };
}

function checkContainers(context: Context, repair: boolean): SystemFinding[] {
  const { places, containers, registry, trees } = context;
  const found: SystemFinding[] = [];
  for (const { id, row } of containers) {
    const isMade = row.status !== 'creating' && registry.containers.documents(id) !== undefined;
    if (isMade && !isDirectory(places.container(id)))
      found.push(systemFinding('container_directory_missing', id, undefined));
  }
  for (const name of readdirSync(places.containers)) {
    const path = join(places.containers, name);
    if (containers.get(name) !== undefined || trees.isLeaving(path)) continue;
    const mend = repair ? (): void => trees.removeLater(path) : undefined;
    if (CONTAINER.test(name)) found.push(systemFinding('container_unrecorded', below(context, path), mend));
    else if (REMOVED_CONTAINER.test(name)) found.push(systemFinding('temporary', below(context, path), mend));
    else found.push(foreign(context, path));
  }
  return found;
}

function checkVolumes(context: Context, repair: boolean): SystemFinding[] {
  const { places, registry, trees } = context;
  const found: SystemFinding[] = [];
  for (const { name, device } of registry.volumes.all()) {
    if (isDirectory(places.volumeData(name))) continue;
    const mend = (): unknown => makeVolumeDirectory(context, name);
    const detail = device === undefined ? undefined : 'its own directory is gone, with nothing in it; it is made anew';
    found.push(systemFinding('volume_directory_missing', name, repair ? mend : undefined, detail));
  }
  for (const name of isDirectory(places.volumes) ? readdirSync(places.volumes) : []) {
    const path = join(places.volumes, name);
    if (trees.isLeaving(path) || registry.volumes.get(name) !== undefined) continue;
    if (nameOfRemoved(name) !== undefined) {
      found.push(systemFinding('temporary', below(context, path), repair ? () => trees.removeLater(path) : undefined));
    } else if (VOLUME.test(name) && isDirectory(places.volumeData(name))) {
      found.push(systemFinding('volume_unrecorded', name, repair ? () => recordVolume(context, name) : undefined));
    } else found.push(foreign(context, path));
  }
  return [...found, ...checkModes(context, repair)];
}

/** Whoever it was, they put something in it: it is kept, under its name. */
function recordVolume(context: Context, name: string): void {
  const row = { name, anonymous: false, labels: {}, createdAt: nowTimestamp(), unfilled: false };
  context.journal.commit(
    (registry) => {
      registry.volumes.insert(row);
    },
    { action: 'volume_create', volume: row },
  );
}

/** Nobody else on the host walks into volumes. */
function checkModes(context: Context, repair: boolean): SystemFinding[] {
  const { volumes } = context.places;
  const status = lstatSync(volumes, { throwIfNoEntry: false });
  if (status === undefined || (status.mode & 0o077) === 0) return [];
  const mend = (): void => {
    chmodSync(volumes, 0o700);
  };
  return [systemFinding('open_mode', below(context, volumes), repair ? mend : undefined)];
}

function checkRoot(context: Context): SystemFinding[] {
  const { root } = context.places;
  return readdirSync(root)
    .filter((name) => !OURS.has(name))
    .map((name) => foreign(context, join(root, name)));
}

function foreign(context: Context, path: string): SystemFinding {
  return systemFinding('foreign', below(context, path), undefined);
}

function below({ places }: Context, path: string): string {
  return relative(places.root, path);
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
