/** Volumes as Docker's clients see them. */
import type { Volume } from '../../../shared/api/volume.ts';

export function volumeShape({ name, mountpoint, labels, createdAt, anonymous }: Volume): object {
  return {
    CreatedAt: createdAt.replace(/\.[0-9]+Z$/, 'Z'),
    Driver: 'local',
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: mountpoint,
    Name: name,
    // as clients give them who name a volume, and nobody who does not
    Options: anonymous ? null : {},
    Scope: 'local',
  };
}
