/** Removes a container: its row first, then its files, renamed before they are deleted. */
import { rm } from 'node:fs/promises';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { logPaths } from './logs/files.ts';
import { leavingVolumes } from './mounts/leaving-volumes.ts';
import { giveBack } from './networks/addresses.ts';
import type { FreedLease } from '../registry/leases.ts';
import { removePins } from './endpoints/pins.ts';
import { settlePoststop } from './hooks/poststop.ts';
import { killRun } from './kill.ts';
import { advance, advanceTo } from './lifecycle.ts';
import { endOfKilled } from './stop.ts';
import { EngineError } from './errors.ts';

export async function remove(
  context: Context,
  ref: string,
  options: { force: boolean; volumes?: boolean },
): Promise<void> {
  const container = context.containers.find(ref);
  // a hook that hangs would have the turn for ever
  if (options.force) container.hook?.abort();
  await container.turn.run(async () => {
    // it may have removed itself while others had the turn
    if (context.containers.get(container.id) !== container) return;
    advance(container.row.status, options.force ? 'remove_force' : 'remove', container.name);
    if (container.nextStart !== undefined) waitsNoMore(context, container, options.force);
    container.takesVolumes ||= options.volumes === true;
    if (container.row.status === 'running' || container.row.status === 'paused') await endRun(context, container);
    else if (container.run !== undefined) await endOfKilled(container.run, container.name);
    await removeInTurn(context, container);
  });
}

/** As one that runs, one that its restart policy will start again is removed by force only. */
function waitsNoMore(context: Context, container: Container, force: boolean): void {
  if (force) {
    context.restarts.callOff(container);
    return;
  }
  throw new EngineError('container_restarting', `container ${container.name} waits for its next start`, {
    hint: 'stop it first, or remove it by force',
  });
}

/** Kills what runs; that it is to be removed is recorded first, so that a restarted daemon goes on with it. */
async function endRun(context: Context, container: Container): Promise<void> {
  const { run, row } = container;
  if (run === undefined) {
    throw new EngineError('shim_unreachable', `the shim of container ${container.name} does not answer`);
  }
  if (!run.ending) {
    const status = advanceTo(row.status, 'remove_force', row.name);
    context.journal.commit((registry) => {
      registry.containers.setStatus(container.id, status);
    });
    container.change({ status });
    await killRun(context, container, run);
  }
  await endOfKilled(run, container.name);
}

/** For what ended and is to be removed at its end; the caller cannot be told of a failure, the next start goes on. */
export async function removeEnded(context: Context, container: Container): Promise<void> {
  try {
    await container.turn.run(async () => {
      if (context.containers.get(container.id) === container) await removeInTurn(context, container);
    });
  } catch (error) {
    context.log.error({ err: error, container: container.id }, 'a container that ended could not be removed');
  }
}

/** For a removal that a former daemon began; in the container's turn. What still runs is killed. */
export async function finishRemoval(context: Context, container: Container): Promise<void> {
  const { run } = container;
  if (run !== undefined) {
    if (!run.ending) await killRun(context, container, run);
    await endOfKilled(run, container.name);
  }
  await removeInTurn(context, container);
}

/** For those who have the turn of a container that does not run. */
export async function removeInTurn(context: Context, container: Container): Promise<void> {
  const { row, id } = container;
  if (row.status !== 'removing') advance(row.status, 'remove', row.name);
  await settlePoststop(context, container);
  removePins(context, container);
  // what no row tells of would not be found again
  if (row.cgroupParent !== null) await container.gone;
  let freed: readonly FreedLease[] = [];
  const leaving = container.takesVolumes || row.autoRemove ? leavingVolumes(context, container) : undefined;
  const deleteRow = (): void => {
    context.journal.commitEnd(
      (registry) => {
        if (container.endpoints.length > 0) freed = registry.leases.leave(id);
        registry.containers.delete(id);
        for (const { name } of leaving?.rows ?? []) registry.volumes.remove(name);
      },
      { action: 'destroy', container: row },
      ...(leaving?.rows ?? []).map((volume) => ({ action: 'volume_destroy' as const, volume })),
    );
  };
  try {
    await makingRoom(deleteRow, context.places.log(id, row.logDriver));
  } catch (error) {
    leaving?.putBack();
    throw error;
  }
  leaving?.discard();
  giveBack(context.networks, freed);
  container.change({ status: 'removing' });
  context.containers.delete(container);
  context.plans.drop(id);
  context.specs.drop(id);
  context.pending.removed(id);
  container.tell({ is: 'removed', exit: row.exit });
  await context.removedFiles.remove(context.places.container(id));
}

/** On a full disk the log, which may have filled it and which is to go in any case, goes before the row. */
async function makingRoom(deleteRow: () => void, log: string): Promise<void> {
  try {
    deleteRow();
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'disk_full')) throw error;
    if (log !== '') for (const path of await logPaths(log)) await rm(path, { force: true });
    deleteRow();
  }
}
