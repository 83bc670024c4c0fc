/**
 * Brings one container of a former daemon to a state that is true: adopts what runs, records what ended meanwhile,
 * finishes what was half started or half removed. Nothing is invented: an end that nobody saw is unknown.
 */
import { existsSync } from 'node:fs';
import { SIGNALS } from '../../../shared/signals.ts';
import type { ProcessStatus, Shim } from '../../shim/types.ts';
import { ShimLost } from '../../shim/types.ts';
import { type Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { commitExecExit } from '../exec/exit.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import { releaseHeld, unknownExit } from '../exit.ts';
import { endGroups, isFrozen } from '../freezer.ts';
import { advanceTo } from '../lifecycle.ts';
import { endLeftProbes } from '../health/forget.ts';
import { watchHealth } from '../health/watch.ts';
import { endStartHook } from '../hooks/left-hook.ts';
import { endBegun, endShim, runLost } from '../lost.ts';
import { HOLDER_PREFIX } from '../process-names.ts';
import { poststart } from '../hooks/poststart.ts';
import { specOf } from '../launch-plan.ts';
import { finishRemoval } from '../remove.ts';
import { commitStarted, startFailed } from '../start-outcome.ts';
import { listen } from '../start.ts';

/** For the answer of one shim. */
const ADOPTION_DEADLINE_MS = 5000;
/** Until a shim that did not answer is asked again. */
const ASK_AGAIN_MS = 10_000;

const CREATED = 0;
const ENDED = 2;

/** In the container's turn. `hasSocket`: a shim of its may be alive. */
export async function reconcileContainer(context: Context, container: Container, hasSocket: boolean): Promise<void> {
  if (context.containers.get(container.id) !== container) return;
  await endStartHook(context, container);
  let shim: Shim | undefined;
  try {
    // after a reboot a socket can only be a leftover
    if (hasSocket && container.row.bootId === context.bootId) {
      shim = await context.shims.adopt(container.id, ADOPTION_DEADLINE_MS);
    }
  } catch (error) {
    if (!(error instanceof ShimLost)) throw error;
    if (error.timeout) {
      askAgain(context, container, error);
      return;
    }
  }
  if (shim === undefined) await withoutShim(context, container);
  else await withShim(context, container, shim);
}

/** It hangs: what runs in it may run on, and its verbs say that it does not answer. */
function askAgain(context: Context, container: Container, error: ShimLost): void {
  context.log.warn({ err: error, container: container.id }, 'the shim does not answer, it is asked again');
  const timer = setTimeout(() => {
    container.turn
      .run(() => reconcileContainer(context, container, true))
      .catch((cause: unknown) => {
        context.log.error({ err: cause, container: container.id }, 'the container could not be reconciled');
      });
  }, ASK_AGAIN_MS);
  timer.unref();
}

async function withoutShim(context: Context, container: Container): Promise<void> {
  const { row } = container;
  await context.shims.discard(container.id);
  await endGroups(context, container.id);
  if (row.status === 'creating' || (row.status === 'removing' && row.pid === null)) {
    await finishRemoval(context, container);
  } else {
    await runLost(context, container);
  }
}

async function withShim(context: Context, container: Container, shim: Shim): Promise<void> {
  const run = new Run(shim);
  listen(context, container, run);
  let processes: ProcessStatus[];
  try {
    processes = await shim.status();
    await endLeftProbes(shim, processes);
  } catch (error) {
    if (!(error instanceof ShimLost)) throw error;
    await withoutShim(context, container);
    return;
  }
  await killHolders(shim, processes);
  const init = processes.find(({ process }) => process === '');
  if (init === undefined) {
    await withoutInit(context, container, shim);
    return;
  }
  if (neverRan(context, container, init)) {
    await cutOffStart(context, container, run);
    return;
  }
  const wasStarting = container.row.intent === 'start';
  adopt(context, container, run, init);
  adoptExecs(context, container, run, processes);
  const ended = Number(init.state) === ENDED;
  if (!ended && container.row.healthcheck !== null) watchHealth(context, container, run);
  const hooks = wasStarting ? poststart(context, container, run, specOf(context, container)) : undefined;
  if (!ended && container.row.status !== 'removing') commitFreezer(context, container);
  releaseHeld(context, container, run);
  try {
    await hooks;
  } catch (error) {
    context.log.warn({ err: error, container: container.id }, 'a start that the former daemon began has failed');
  }
  if (container.row.status === 'removing' && !ended) await finishRemoval(context, container);
}

/** User namespaces for mounts of a start that is not gone on with. */
async function killHolders(shim: Shim, processes: readonly ProcessStatus[]): Promise<void> {
  for (const { process, state } of processes) {
    if (process.startsWith(HOLDER_PREFIX) && Number(state) !== ENDED) await shim.signal(process, SIGNALS.SIGKILL);
  }
}

/** It waits at a stop of its plan, or ended there: what ran has an exit record. */
function neverRan(context: Context, { id, row }: Container, init: ProcessStatus): boolean {
  if (row.intent !== 'start') return false;
  const state = Number(init.state);
  return state === CREATED || (state === ENDED && !existsSync(context.places.record(id)));
}

/** Its hooks were with the former daemon: the start is undone. */
async function cutOffStart(context: Context, container: Container, run: Run): Promise<void> {
  await endBegun(context, container, run);
  await context.shims.discard(container.id);
  await startFailed(context, container, new Error('the daemon ended while the container was starting'));
}

/** A shim in which nothing was started, or its start failed. */
async function withoutInit(context: Context, container: Container, shim: Shim): Promise<void> {
  try {
    await shim.shutdown();
  } catch (error) {
    context.log.warn({ err: error, container: container.id }, 'ignoring that an empty shim did not end: it is killed');
    await endShim(context, container, shim);
  }
  await withoutShim(context, container);
}

function adopt(context: Context, container: Container, run: Run, init: ProcessStatus): void {
  container.run = run;
  if (container.row.intent === 'start') {
    commitStarted(context, container, { pid: Number(init.pid), startTime: init.start_time });
  }
}

/** Those that the shim knows go on; of the others nobody will tell any more. */
function adoptExecs(context: Context, container: Container, run: Run, processes: readonly ProcessStatus[]): void {
  const known = new Map(processes.filter(({ process }) => process !== '').map((status) => [status.process, status]));
  for (const exec of context.registry.execs.runningOf(container.id)) {
    if (known.has(exec)) run.execs.add(exec);
    else commitExecExit(context, container, exec, unknownExit());
  }
  for (const [exec, status] of known) {
    if (context.registry.execs.get(exec)?.status !== 'created') continue;
    context.journal.commit(
      (registry) => {
        registry.execs.started(exec, Number(status.pid), nowTimestamp());
      },
      { action: 'exec_start', container: container.row, exec },
    );
    run.execs.add(exec);
  }
}

/** The daemon may have ended between the freezing and its commit. */
function commitFreezer(context: Context, container: Container): void {
  const frozen = isFrozen(context, container);
  const { row } = container;
  if (frozen === (row.status === 'paused')) return;
  const status = advanceTo(row.status, frozen ? 'pause' : 'resume', row.name);
  context.journal.commit(
    (registry) => {
      registry.containers.setStatus(row.id, status);
    },
    { action: frozen ? 'pause' : 'unpause', container: row },
  );
  container.change({ status });
}
