/** Removes a container: its row first, then its files, renamed before they are deleted. */
import { closeSync, constants, openSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { giveBack } from './networks/addresses.ts';
import type { FreedLease } from '../registry/leases.ts';
import { CONTAINER_FILES } from './endpoints/container-mounts.ts';
import { removePins } from './endpoints/pins.ts';
import { settlePoststop } from './hooks/poststop.ts';
import { killRun } from './kill.ts';
import { advance, advanceTo } from './lifecycle.ts';
import { endOfKilled } from './stop.ts';
import { EngineError } from './errors.ts';

/** What a directory is called while it is deleted. */
export const REMOVED_SUFFIX = '.removed';

export async function remove(context: Context, ref: string, options: { force: boolean }): Promise<void> {
  const container = context.containers.find(ref);
  // a hook that hangs would have the turn for ever
  if (options.force) container.hook?.abort();
  await container.turn.run(async () => {
    // it may have removed itself while others had the turn
    if (context.containers.get(container.id) !== container) return;
    advance(container.row.status, options.force ? 'remove_force' : 'remove', container.name);
    if (container.row.status === 'running' || container.row.status === 'paused') await endRun(context, container);
    else if (container.run !== undefined) await endOfKilled(container.run, container.name);
    await removeInTurn(context, container);
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
  let freed: readonly FreedLease[] = [];
  context.journal.commitEnd(
    (registry) => {
      if (container.endpoints.length > 0) freed = registry.leases.leave(id);
      registry.containers.delete(id);
    },
    { action: 'destroy', container: row },
  );
  giveBack(context.networks, freed);
  container.change({ status: 'removing' });
  context.containers.delete(container);
  context.plans.drop(id);
  context.specs.drop(id);
  context.pending.removed(id);
  container.tell({ is: 'removed', exit: row.exit });
  await removeFiles(context.places.container(id));
}

/** Renamed first: what is half deleted is never taken for a container. */
export async function removeFiles(directory: string): Promise<void> {
  const renamed = directory.endsWith(REMOVED_SUFFIX) ? directory : directory + REMOVED_SUFFIX;
  try {
    if (renamed !== directory) renameSync(directory, renamed);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  if (!removeEmptied(renamed)) await rm(renamed, { recursive: true, force: true });
}

/**
 * The few entries of a container that wrote nothing, at once: that is less than one turn through the thread pool.
 * False where there is more.
 */
function removeEmptied(directory: string): boolean {
  for (const file of ['log', 'exit.json', 'config.json']) rmFile(`${directory}/${file}`);
  try {
    removeNames(`${directory}/etc`);
    removeNames(`${directory}/upper/etc`);
    // overlayfs leaves `work/work`, empty
    for (const path of ['work/work', 'work', 'etc', 'upper/etc', 'upper', '.'])
      rmDirectory(path === '.' ? directory : `${directory}/${path}`);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EPERM', 'ELOOP'].some((code) => isCode(error, code))) return false;
    throw error;
  }
}

/**
 * The files for names, and in the upper layer the mount points that init made for them. What is there is the container's
 * to make: a link in place of the directory must not lead to the host's, so they are reached by a descriptor.
 */
function removeNames(directory: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(directory, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    for (const file of CONTAINER_FILES) rmFile(`/proc/self/fd/${String(descriptor)}/${file}`);
  } finally {
    closeSync(descriptor);
  }
}

function rmFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
}

function rmDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
