/** Starts a container: intent, shim, plan, outcome. docs/flow.md draws the way of one start. */
import { closeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { oomFileOf } from '../runtime/cgroups/compile.ts';
import type { Spec } from '../runtime/spec/types.ts';
import type { LogFileRequest, StartOutcome, StartRequest } from '../shim/types.ts';
import { faultOf, processExited, releaseHeld } from './exit.ts';
import { cgroupOf } from './cgroup-parent.ts';
import { type Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { removeGroups } from './freezer.ts';
import { owedPoststop, settlePoststop } from './hooks/poststop.ts';
import { watchHealth } from './health/watch.ts';
import { poststart } from './hooks/poststart.ts';
import { shimError } from './kill.ts';
import { launchError } from './launch-error.ts';
import { giveBackLeased, leaseForRun, recordLeased } from './endpoints/live.ts';
import { clearPins } from './endpoints/pins.ts';
import { readyForRun, takeLeased } from './endpoints/run.ts';
import { makeDirectories } from './make-directories.ts';
import { type Launch, launchOf, waitsForNetwork } from './launch-plan.ts';
import { advance } from './lifecycle.ts';
import { endBegun, shimLost } from './lost.ts';
import { stagedStart } from './staged-start.ts';
import { fillVolumes } from './mounts/fill-volumes.ts';
import { commitStarted, startFailed } from './start-outcome.ts';

export async function start(context: Context, ref: string): Promise<void> {
  const container = context.containers.find(ref);
  await container.turn.run(() => startByUser(context, container));
}

/** For those who have the container's turn: one that waits for its next start is started now, and counts anew. */
export async function startByUser(context: Context, container: Container): Promise<void> {
  context.restarts.callOff(container);
  await startInTurn(context, container, 0);
}

/**
 * For those who have the container's turn.
 *
 * @param restartCount - how often it was started again since its user did; 0: its user does
 */
export async function startInTurn(context: Context, container: Container, restartCount: number): Promise<void> {
  advance(container.row.status, 'start', container.name);
  const launch = launchOf(context, container);
  await clearLastRun(context, container);
  const spec = launch.staged?.spec;
  let run: Run;
  try {
    makeDirectories(container.row.network.mkdir ?? []);
    clearPins(context, container);
    await readyForRun(context, container);
    await fillVolumes(context, container);
    intend(context, container, spec, restartCount);
    run = await begin(context, container, launch);
  } catch (error) {
    await startFailed(context, container, error);
    throw error;
  }
  if (container.row.healthcheck !== null) watchHealth(context, container, run);
  const hooks = spec === undefined ? undefined : poststart(context, container, run, spec);
  releaseHeld(context, container, run);
  await hooks;
}

/** The intent, with the addresses and ports that it is for. */
function intend(context: Context, container: Container, spec: Spec | undefined, restartCount: number): void {
  const poststop = owedPoststop(spec);
  const leased = leaseForRun(context, container);
  const { pins, isPinned } = container.row.network;
  const network = pins === undefined ? container.row.network : { ...container.row.network, isPinned: true };
  try {
    context.journal.commit((registry) => {
      registry.containers.starting(container.id, context.bootId, poststop, restartCount);
      if (network.isPinned !== isPinned) registry.containers.setNetwork(container.id, network);
      recordLeased(registry, container, leased);
    });
  } catch (error) {
    giveBackLeased(context, leased);
    throw error;
  }
  const intended = { intent: 'start', bootId: context.bootId, failure: null, poststop, network } as const;
  container.change({ ...intended, restartCount, stoppedByUser: false });
  takeLeased(context, container, leased);
}

/**
 * What an earlier start left: its shim and groups, which may be on their way out; the exit record; and the mark that
 * overlayfs leaves in a volatile work directory, which forbids to use it again.
 */
async function clearLastRun(context: Context, container: Container): Promise<void> {
  const { row, id } = container;
  if (row.startedAt === null && row.failure === null) return;
  await container.gone;
  await settlePoststop(context, container);
  await removeGroups(context, id);
  await context.shims.discard(id);
  rmSync(context.places.record(id), { force: true });
  rmSync(join(context.places.work(id), 'work', 'incompat'), { recursive: true, force: true });
}

async function begin(context: Context, container: Container, launch: Launch): Promise<Run> {
  let run: Run | undefined;
  try {
    const shim = await context.shims.open(container.id);
    run = new Run(shim);
    listen(context, container, run);
    container.run = run;
    await context.pending.attach(container.id, shim);
    commitStarted(context, container, await started(context, container, run, launch));
  } catch (error) {
    container.run = undefined;
    if (run !== undefined) await giveUp(context, container, run);
    throw shimError(error, container);
  }
  return run;
}

/** Throws EngineError, ShimLost, ShimRefusal. */
async function started(
  context: Context,
  container: Container,
  run: Run,
  launch: Launch,
): Promise<StartOutcome & { is: 'started' | 'created' }> {
  const request = startRequest(context, container);
  const { plan, staged } = launch;
  if (plan === undefined || staged !== undefined || waitsForNetwork(container.row.network)) {
    return stagedStart(context, container, run, { launch, request });
  }
  const outcome = await run.shim.start({ ...request, plan });
  if (outcome.is === 'failed') throw launchError(outcome.failure, plan, container.name);
  return outcome;
}

/** The listeners of a shim's run. */
export function listen(context: Context, container: Container, run: Run): void {
  run.shim.onExited((exit) => {
    processExited(context, container, run, exit);
  });
  run.shim.onLost((error) => {
    run.lost(error);
    // while it starts, or is adopted, whoever does that is told
    if (run.held === undefined) shimLost(context, container, run, error).catch(faultOf(context, container));
  });
}

function startRequest(context: Context, container: Container): Omit<StartRequest, 'plan'> {
  const { row, id } = container;
  const oom = oomFileOf(context.cgroups, cgroupOf(context, id));
  return {
    process: '',
    stdio: row.tty ? 'terminal' : 'pipes',
    stdinOpen: row.stdin,
    ...(row.logDriver === 'none' ? {} : { log: logFile(context, container) }),
    record: context.places.record(id),
    ...(oom === '' ? {} : { oom }),
  };
}

function logFile({ places }: Context, { row, id }: Container): LogFileRequest {
  const { logDriver: driver, logMaxBytes: maxBytes, logMaxFiles: maxFiles } = row;
  return { path: places.log(id, driver), json: driver === 'json-file', maxBytes, maxFiles };
}

/** Ends the shim of a start that came to nothing, and whatever it may have begun. */
async function giveUp(context: Context, container: Container, run: Run): Promise<void> {
  if (run.network !== undefined) closeSync(run.network);
  run.network = undefined;
  try {
    await run.shim.shutdown();
  } catch {
    // busy or lost: then it is not known what runs, and nothing may
    await endBegun(context, container, run);
  }
  await context.shims.discard(container.id);
}
