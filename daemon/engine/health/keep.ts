/** What is in memory only, for the next daemon. */
import type { Context } from '../context.ts';

/** No probe is begun any more; the last ones of each container are written down. */
export function keepHealth(context: Context): void {
  const watched = [...context.containers].filter(({ run }) => run?.health !== undefined);
  for (const { run } of watched) run?.health?.stop();
  if (watched.length === 0) return;
  try {
    context.journal.commitEnd((registry) => {
      for (const { id, row } of watched) if (row.health !== null) registry.containers.setHealth(id, row.health);
    });
  } catch (error) {
    context.log.error({ err: error }, 'ignoring that the last probes could not be kept: others will follow');
  }
}
