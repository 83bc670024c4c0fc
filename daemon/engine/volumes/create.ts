/** Makes a volume: its directory, then its row. */
import { isDeepStrictEqual } from 'node:util';
import type { Volume, VolumeCreateRequest } from '../../../shared/api/volume.ts';
import type { VolumeDevice, VolumeRow } from '../../registry/volumes.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { checkName } from '../rename.ts';
import { askedDevice } from './device.ts';
import { volumeShown } from './inspect.ts';
import { prepareVolume } from './make-volume.ts';
import { takeVolumes } from './take.ts';

/**
 * One that is there is given as it is, unless other labels or another device are asked for. Throws `invalid_field`,
 * `name_taken`, `disk_full`.
 *
 * @param driverOptions - the words in which a client of Docker's API asked for the device, to be shown to it again
 */
export function createVolume(
  context: Context,
  request: VolumeCreateRequest,
  driverOptions?: Readonly<Record<string, string>>,
): Volume {
  const { name, labels } = request;
  if (name !== undefined) checkName(name);
  const device = askedDevice(context.places, request);
  const there = name === undefined ? undefined : context.registry.volumes.get(name);
  if (there !== undefined) return volumeShown(context, existing(there, labels, device));
  const row = prepareVolume(context, {
    ...(name === undefined ? {} : { name }),
    ...(labels === undefined ? {} : { labels }),
    anonymous: name === undefined,
    ...(device === undefined ? {} : { device }),
    ...(driverOptions === undefined ? {} : { driverOptions }),
  });
  try {
    context.journal.commit(
      (registry) => {
        registry.volumes.insert(row);
      },
      { action: 'volume_create', volume: row },
    );
  } catch (error) {
    // one that was not made just now has something in it, and is somebody's
    if (row.unfilled || row.device !== undefined) takeVolumes(context, [row.name]).discard();
    throw error;
  }
  return volumeShown(context, row);
}

const OTHER = { labels: 'other labels', device: 'another device, or has it otherwise' } as const;

function existing(
  row: VolumeRow,
  labels: VolumeRow['labels'] | undefined,
  device: VolumeDevice | undefined,
): VolumeRow {
  const wanted = Object.entries(labels ?? row.labels);
  const isSame =
    wanted.length === Object.keys(row.labels).length && wanted.every(([key, value]) => row.labels[key] === value);
  const other = isSame
    ? device === undefined || isDeepStrictEqual(device, row.device)
      ? undefined
      : 'device'
    : 'labels';
  if (other === undefined) return row;
  throw new EngineError('name_taken', `volume "${row.name}" is there, and has ${OTHER[other]}`, { field: 'name' });
}
