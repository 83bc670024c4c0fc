/** Volumes as Docker's clients see them. */
import type { Volume } from '../../../shared/api/volume.ts';
import { volumeOptionsOf } from '../../../shared/volume-options.ts';

/**
 * The Mountpoint of one that is a directory of the host is that directory: nothing is mounted below <root>, and whoever
 * looks for the volume's files where dockerd has them mounted must not find an empty directory.
 */
export function volumeShape(volume: Volume): object {
  const { name, mountpoint, labels, createdAt } = volume;
  return {
    CreatedAt: createdAt.replace(/\.[0-9]+Z$/, 'Z'),
    Driver: 'local',
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: mountpoint,
    Name: name,
    Options: optionsShown(volume),
    Scope: 'local',
  };
}

/** As they were asked for; where there are none, as clients give them who name a volume, and nobody who does not. */
function optionsShown({ anonymous, device, driverOptions, ...fields }: Volume): object | null {
  if (device === undefined) return anonymous ? null : {};
  return driverOptions ?? volumeOptionsOf({ ...fields, device });
}
