/** What came of a start: running, or back to where it was. */
import { nowTimestamp } from '../../shared/time.ts';
import type { StartOutcome } from '../shim/types.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { removePins } from './endpoints/pins.ts';
import { endNetwork, recordNetworkEnd, releaseUnmade } from './endpoints/run.ts';
import { endGroups } from './freezer.ts';
import { STARTING } from './health/state.ts';
import { settlePoststop } from './hooks/poststop.ts';
import { advanceTo } from './lifecycle.ts';
import { removeInTurn } from './remove.ts';

export function commitStarted(
  context: Context,
  container: Container,
  outcome: Pick<StartOutcome & { is: 'started' }, 'pid' | 'startTime'>,
): void {
  const { row } = container;
  const status = advanceTo(row.status, 'started', row.name);
  const started = { pid: outcome.pid, processStarted: Number(outcome.startTime), at: nowTimestamp() };
  const health = row.healthcheck === null ? null : STARTING;
  context.journal.commit(
    (registry) => {
      registry.containers.started(row.id, started);
      if (health !== null) registry.containers.setHealth(row.id, health);
    },
    { action: 'start', container: row },
  );
  container.change({
    status,
    intent: null,
    pid: started.pid,
    processStarted: started.processStarted,
    startedAt: started.at,
    exit: null,
    failure: null,
    health,
  });
}

/** Back to where it was, with the reason, and the poststop hooks; what was to be removed at its end is removed. */
export async function startFailed(context: Context, container: Container, error: unknown): Promise<void> {
  const { row } = container;
  const failure = error instanceof Error ? error.message : String(error);
  const status = advanceTo(row.status, 'start_failed', row.name);
  context.pending.fail(container.id, failure);
  removePins(context, container);
  try {
    context.journal.commitEnd((registry) => {
      registry.containers.startFailed(row.id, status, failure);
      recordNetworkEnd(registry, container);
    });
    releaseUnmade(context, container);
  } catch (commitError) {
    context.log.error({ err: commitError, container: row.id }, 'the failure of a start could not be committed');
  }
  endNetwork(context, container);
  container.change({ status, intent: null, bootId: null, failure });
  await settlePoststop(context, container);
  if (row.cgroupParent !== null) await endGroups(context, container.id);
  if (row.autoRemove) await removeInTurn(context, container);
}
