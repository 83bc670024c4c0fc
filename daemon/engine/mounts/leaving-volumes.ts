/** The anonymous volumes that go with a container: nobody else has them. */
import type { VolumeRow } from '../../registry/volumes.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { type TakenVolumes, takeVolumes, volumesLeavingWith } from '../volumes/take.ts';

/** Right before the transaction that deletes the rows; undefined where there are none. Throws errors of fs. */
export function leavingVolumes(
  context: Context,
  { id, volumes }: Container,
): (TakenVolumes & { readonly rows: readonly VolumeRow[] }) | undefined {
  if (volumes.length === 0) return undefined;
  const names = volumesLeavingWith(context, id);
  const rows = names.flatMap((name) => context.registry.volumes.get(name) ?? []);
  return rows.length === 0 ? undefined : { ...takeVolumes(context, names), rows };
}
