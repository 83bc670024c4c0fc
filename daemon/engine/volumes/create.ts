/** Makes a volume: its directory, then its row. */
import type { Volume, VolumeCreateRequest } from '../../../shared/api/volume.ts';
import type { VolumeRow } from '../../registry/volumes.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { checkName } from '../rename.ts';
import { volumeShown } from './inspect.ts';
import { prepareVolume } from './make-volume.ts';
import { takeVolumes } from './take.ts';

/** One that is there is given as it is, unless other labels are asked for. Throws `invalid_field`, `name_taken`, `disk_full`. */
export function createVolume(context: Context, { name, labels }: VolumeCreateRequest): Volume {
  if (name !== undefined) checkName(name);
  const there = name === undefined ? undefined : context.registry.volumes.get(name);
  if (there !== undefined) return volumeShown(context, existing(there, labels));
  const row = prepareVolume(context, {
    ...(name === undefined ? {} : { name }),
    ...(labels === undefined ? {} : { labels }),
    anonymous: name === undefined,
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
    if (row.unfilled) takeVolumes(context, [row.name]).discard();
    throw error;
  }
  return volumeShown(context, row);
}

function existing(row: VolumeRow, labels: VolumeRow['labels'] | undefined): VolumeRow {
  const wanted = Object.entries(labels ?? row.labels);
  const isSame =
    wanted.length === Object.keys(row.labels).length && wanted.every(([key, value]) => row.labels[key] === value);
  if (isSame) return row;
  throw new EngineError('name_taken', `volume "${row.name}" is there, and has other labels`, { field: 'name' });
}
