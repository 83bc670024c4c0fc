/**
 * Before a start: volumes that nobody has put anything into get what the image has at their places. Most images have an
 * empty directory there, of which only owner and mode are taken over; more is copied on a thread.
 */
import { closeSync, opendirSync, readdirSync } from 'node:fs';
import { openAt } from '../../../native-bindings/directory-entries.ts';
import { SystemError } from '../../../native-bindings/libc.ts';
import { UnreadableFile } from '../../../native-bindings/open-in-root.ts';
import { DIRECTORY } from '../../images/unpack/remove-tree.ts';
import type { Container, ContainerVolume } from '../container.ts';
import type { Context } from '../context.ts';
import { LayeredRoot } from '../from-image/layered-root.ts';
import type { MergedDirectory } from '../from-image/merged-entry.ts';
import type { MadeOf } from '../from-image/made-of.ts';
import { documentsOf } from '../inspect.ts';
import { describeDirectory, namesOf, withEntry } from './copy-up/copy-tree.ts';
import { startFill } from './copy-up/start-fill.ts';

/** Names that are looked at here to learn whether there is anything; beyond them a thread does it all. */
const LOOKED_AT = 16;

/** In the container's turn; undefined where there is nothing to wait for. Throws `disk_full`, `launch_failed`. */
export function fillVolumes(context: Context, container: Container): Promise<void> | undefined {
  if (container.volumes.length === 0) return undefined;
  const unfilled = container.volumes.filter(({ name }) => context.registry.volumes.get(name)?.unfilled === true);
  return unfilled.length === 0 ? undefined : fillAll(context, container, unfilled);
}

async function fillAll(context: Context, container: Container, volumes: readonly ContainerVolume[]): Promise<void> {
  const made = JSON.parse(documentsOf(context, container).root) as MadeOf;
  for (const volume of volumes) {
    // whoever comes second waits, also one that has nothing to copy: the first may still move things in
    await context.filling.run(volume.name, async () => {
      if (container.image === undefined || made.kind === 'bind') return;
      if (made.noCopy?.includes(volume.destination) === true) return;
      if (context.registry.volumes.get(volume.name)?.unfilled !== true) return;
      await fill(context, volume, made.lower);
      context.journal.commit((registry) => registry.volumes.setFilled(volume.name));
    });
  }
}

async function fill(
  context: Context,
  { name, destination }: ContainerVolume,
  layers: readonly string[],
): Promise<void> {
  if (fillEmpty(context, { name, destination }, layers)) return;
  await startFill({ layers, destination, volume: context.places.volume(name) }, name);
}

/** False: there may be something to copy, or a copy was begun. */
function fillEmpty(context: Context, { name, destination }: ContainerVolume, layers: readonly string[]): boolean {
  const root = new LayeredRoot(layers);
  try {
    const { found } = root.resolve(destination);
    if (found.kind !== 'directory') return true;
    if (hasEntries(found) || isTouched(context, name)) return false;
    const data = openAt(AT_FDCWD, context.places.volumeData(name), DIRECTORY);
    try {
      describeDirectory(found, data);
    } finally {
      closeSync(data);
    }
    return true;
  } catch (error) {
    // the thread meets it too, and it is told then
    if (error instanceof UnreadableFile || error instanceof SystemError) return false;
    throw error;
  } finally {
    root.close();
  }
}

const AT_FDCWD = -100;

function hasEntries(directory: MergedDirectory): boolean {
  let looked = 0;
  for (const name of namesOf(directory)) {
    if (++looked > LOOKED_AT) return true;
    if (withEntry(directory, name, ({ kind }) => kind !== 'absent')) return true;
  }
  return false;
}

/** Something is in it, or beside it. */
function isTouched({ places }: Context, name: string): boolean {
  return readdirSync(places.volume(name)).length > 1 || hasAny(places.volumeData(name));
}

function hasAny(path: string): boolean {
  const directory = opendirSync(path);
  try {
    return directory.readSync() !== null;
  } finally {
    directory.closeSync();
  }
}
