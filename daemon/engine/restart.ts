/** Stops what runs, then starts; what waits for its next start is started now. */
import type { StopRequest } from '../../shared/api/container.ts';
import type { Context } from './context.ts';
import type { Container } from './container.ts';
import { startByUser, startInTurn } from './start.ts';
import { stopRun } from './stop.ts';

export async function restart(context: Context, ref: string, request: StopRequest): Promise<void> {
  const container = context.containers.find(ref);
  await stopped(context, container, request);
  await container.turn.run(() => startByUser(context, container));
  context.journal.commit(() => undefined, { action: 'restart', container: container.row });
}

/** The same for the daemon's own reasons: it counts as one start more. */
export async function restartAgain(context: Context, container: Container): Promise<void> {
  await stopped(context, container, {});
  await container.turn.run(() => startInTurn(context, container, container.row.restartCount + 1));
  context.journal.commit(() => undefined, { action: 'restart', container: container.row });
}

/** That it was its user is not recorded: a daemon that goes on where this one ended is to start it. */
async function stopped(context: Context, container: Container, request: StopRequest): Promise<void> {
  container.restarting = true;
  try {
    await stopRun(context, container, request, 'restart');
  } finally {
    container.restarting = false;
  }
}
