/**
 * Before a start: the devices of volumes have to be there, and volumes that nobody has put anything into get what the
 * image has at their places. Most images have an empty directory there, of which only owner and mode are taken over; more
 * is copied on a thread.
 */
import { closeSync, lstatSync, opendirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openAt } from '../../../native-bindings/directory-entries.ts';
import { SystemError } from '../../../native-bindings/libc.ts';
import { UnreadableFile } from '../../../native-bindings/open-in-root.ts';
import { DIRECTORY } from '../../images/unpack/remove-tree.ts';
import type { VolumeRow } from '../../registry/volumes.ts';
import type { Container, ContainerVolume } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { LayeredRoot } from '../from-image/layered-root.ts';
import type { MergedDirectory } from '../from-image/merged-entry.ts';
import type { MadeOf } from '../from-image/made-of.ts';
import { documentsOf } from '../inspect.ts';
import { findDevice } from '../volumes/device.ts';
import { describeDirectory, namesOf, withEntry } from './copy-up/copy-tree.ts';
import { INSIDE } from './copy-up/fill.ts';
import { startFill } from './copy-up/start-fill.ts';

/** Names that are looked at here to learn whether there is anything; beyond them a thread does it all. */
const LOOKED_AT = 16;

/** A volume that is to be filled, and the directory that it is. */
interface Place {
  readonly name: string;
  readonly destination: string;
  readonly data: string;
  readonly isDevice: boolean;
}

/** In the container's turn; undefined where there is nothing to wait for. Throws `disk_full`, `launch_failed`. */
export function fillVolumes(context: Context, container: Container): Promise<void> | undefined {
  if (container.volumes.length === 0) return undefined;
  const concerned = container.volumes.flatMap((volume) => {
    const row = context.registry.volumes.get(volume.name);
    return row !== undefined && (row.unfilled || row.device !== undefined) ? [{ volume, row }] : [];
  });
  return concerned.length === 0 ? undefined : fillAll(context, container, concerned);
}

async function fillAll(
  context: Context,
  container: Container,
  concerned: readonly { readonly volume: ContainerVolume; readonly row: VolumeRow }[],
): Promise<void> {
  const places: Place[] = [];
  for (const { volume, row } of concerned) {
    const data = await dataAtStart(context, container, row);
    if (row.unfilled) places.push({ ...volume, data, isDevice: row.device !== undefined });
  }
  if (places.length === 0) return;
  const made = JSON.parse(documentsOf(context, container).root) as MadeOf;
  for (const place of places) {
    // whoever comes second waits, also one that has nothing to copy: the first may still move things in
    await context.filling.run(place.isDevice ? place.data : place.name, async () => {
      if (container.image === undefined || made.kind === 'bind') return;
      if (made.noCopy?.includes(place.destination) === true) return;
      if (context.registry.volumes.get(place.name)?.unfilled !== true) return;
      await fill(context, place, made.lower);
      context.journal.commit((registry) => registry.volumes.setFilled(place.name));
    });
  }
}

/** Of a device the real path. Throws `launch_failed`. */
async function dataAtStart(context: Context, { name: container }: Container, row: VolumeRow): Promise<string> {
  const { name, device } = row;
  if (device === undefined) return context.places.volumeData(name);
  try {
    return await findDevice(context, name, device.path);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { hint } = error;
    throw new EngineError(error.code, `cannot start ${container}: ${error.message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

async function fill(context: Context, place: Place, layers: readonly string[]): Promise<void> {
  const { name, destination, data, isDevice } = place;
  if (isDevice && hasFiles(data)) return;
  if (fillEmpty(context, place, layers)) return;
  const volume = isDevice ? data : context.places.volume(name);
  await startFill({ layers, destination, volume, isDevice }, name);
}

/** False: there may be something to copy, or a copy was begun. */
function fillEmpty(context: Context, place: Place, layers: readonly string[]): boolean {
  const root = new LayeredRoot(layers);
  try {
    const { found } = root.resolve(place.destination);
    if (found.kind !== 'directory') return true;
    if (hasEntries(found) || isTouched(context, place)) return false;
    const data = openAt(AT_FDCWD, place.data, DIRECTORY);
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
function isTouched({ places }: Context, { name, data, isDevice }: Place): boolean {
  return hasOther(data, []) || (!isDevice && readdirSync(places.volume(name)).length > 1);
}

/** Somebody's, and not what a copy that was cut off has left: the volume stays as it is. */
function hasFiles(device: string): boolean {
  const copied = lstatSync(join(device, INSIDE.copied), { throwIfNoEntry: false });
  return copied === undefined && hasOther(device, [INSIDE.copying]);
}

function hasOther(path: string, but: readonly string[]): boolean {
  const directory = opendirSync(path);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (!but.includes(entry.name)) return true;
    }
    return false;
  } finally {
    directory.closeSync();
  }
}
