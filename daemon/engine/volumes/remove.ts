/** Removes a volume that no container has. */
import type { VolumeRemoveQuery } from '../../../shared/api/volume.ts';
import type { VolumeRow } from '../../registry/volumes.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { findVolume } from './inspect.ts';
import { takeVolumes } from './take.ts';

/** Containers that a refusal names. */
const MOST_NAMES = 5;

/** Throws `volume_not_found` (not with `force`), `volume_in_use`. Its files are deleted in the background. */
export function removeVolume(context: Context, name: string, { force = false }: VolumeRemoveQuery): void {
  if (force && context.registry.volumes.get(name) === undefined) return;
  const row = findVolume(context, name);
  const ids = context.registry.volumes.usersOf(name);
  if (ids.length > 0) {
    const names = ids.slice(0, MOST_NAMES).map((id) => context.containers.get(id)?.name ?? id.slice(0, 12));
    const more = ids.length > MOST_NAMES ? ` and ${ids.length - MOST_NAMES} more` : '';
    throw new EngineError('volume_in_use', `volume ${name} is in use by ${names.join(', ')}${more}`, {
      hint: 'remove its containers first, whether they run or not',
    });
  }
  takeUnused(context, row);
}

/** Nobody has it; all of this is one step of the event loop, so nobody comes to have it in between. */
export function takeUnused(context: Context, row: VolumeRow): void {
  const taken = takeVolumes(context, [row.name]);
  try {
    context.journal.commitEnd(
      (registry) => {
        registry.volumes.remove(row.name);
      },
      { action: 'volume_destroy', volume: row },
    );
  } catch (error) {
    taken.putBack();
    throw error;
  }
  taken.discard();
}
