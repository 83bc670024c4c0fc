/** Stops what runs, then starts. */
import type { StopRequest } from '../../shared/api/container.ts';
import type { Context } from './context.ts';
import { startInTurn } from './start.ts';
import { stopRun } from './stop.ts';

export async function restart(context: Context, ref: string, request: StopRequest): Promise<void> {
  const container = context.containers.find(ref);
  container.restarting = true;
  try {
    await stopRun(context, container, request);
  } finally {
    container.restarting = false;
  }
  await container.turn.run(() => startInTurn(context, container));
  context.journal.commit(() => undefined, { action: 'restart', container: container.row });
}
