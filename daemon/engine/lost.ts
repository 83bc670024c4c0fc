/** A shim that is gone without having told how its container ended. */
import type { Exit, Status } from '../../shared/api/container.ts';
import { SIGNALS } from '../../shared/signals.ts';
import { exitOfRecord } from '../shim/exit.ts';
import { readExitRecord } from '../shim/exit-record.ts';
import { type Shim, ShimLost, ShimRefusal } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { commitExecExit } from './exec/exit.ts';
import { commitExit, runEnded, unknownExit } from './exit.ts';
import { endGroups } from './freezer.ts';
import { advanceTo } from './lifecycle.ts';
import { removeEnded } from './remove.ts';
import { commitStarted, startFailed } from './start-outcome.ts';

/** While the daemon runs: what the shim left is killed, and its exit record, if it wrote one, tells the end. */
export async function shimLost(context: Context, container: Container, run: Run, error: ShimLost): Promise<void> {
  if (run.ending || container.run !== run) return;
  context.log.warn({ err: error, container: container.id }, 'the shim is lost: what is left of its container is ended');
  await endGroups(context, container.id);
  await context.shims.discard(container.id);
  await runEnded(context, container, run, await recordedExit(context, container));
}

/** Found at the start of the daemon, after the groups are gone. In the container's turn. */
export async function runLost(context: Context, container: Container): Promise<void> {
  const { row } = container;
  const exit = await recordedExit(context, container);
  if (row.intent === 'start') {
    if (exit.unknown) {
      await startFailed(context, container, new Error('the daemon ended while the container was starting'));
      return;
    }
    // it did start, and ended before anybody asked
    commitStarted(context, container, { pid: 0, startTime: 0 });
  } else if (row.status === 'created' || row.status === 'stopped') {
    return;
  }
  for (const exec of context.registry.execs.runningOf(row.id)) commitExecExit(context, container, exec, unknownExit());
  advanceTo(container.row.status, 'ended', row.name);
  commitExit(context, container, exit);
  // whose turn comes after this one
  if (statusOf(container) === 'removing') void removeEnded(context, container);
}

/** Anew: a commit has changed it. */
function statusOf(container: Container): Status {
  return container.row.status;
}

/** Of the last run: the record that its shim wrote, else unknown. */
async function recordedExit(context: Context, container: Container): Promise<Exit> {
  try {
    const record = await readExitRecord(context.places.record(container.id));
    return record === undefined ? unknownExit() : exitOfRecord(record);
  } catch (error) {
    context.log.error({ err: error, container: container.id }, 'the exit record cannot be read: the exit is unknown');
    return unknownExit();
  }
}

/** The same, where init may wait at a stop of its plan, where nobody will let it go. */
export async function endBegun(context: Context, container: Container, run: Run): Promise<void> {
  const ended = run.held?.some(({ process }) => process === '') === true ? undefined : run.endOf('');
  try {
    await run.shim.signal('', SIGNALS.SIGKILL);
    await ended;
  } catch (error) {
    // ignoring a refusal: there is no init (any more)
    if (!(error instanceof ShimRefusal || error instanceof ShimLost)) throw error;
  }
  await endShim(context, container, run.shim);
}

/** Of a start that came to nothing but may have begun something: nothing of it may run on. */
export async function endShim(context: Context, container: Container, shim: Shim): Promise<void> {
  await endGroups(context, container.id);
  try {
    await shim.forget('');
  } catch (error) {
    context.log.warn(
      { err: error, container: container.id },
      'ignoring that the shim of a failed start could not be told to go',
    );
    shim.release();
  }
}
