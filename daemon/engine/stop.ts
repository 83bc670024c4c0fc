/** Stops a container: its stop signal, then SIGKILL when the time is over. One that does not run is stopped already. */
import type { StopRequest } from '../../shared/api/container.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { thaw } from './freezer.ts';
import { sendAndTell, signalOf } from './kill.ts';
import { advance } from './lifecycle.ts';
import { endedByUser } from './restart-policy/ended-by-user.ts';
import { KILL_DEADLINE_MS } from './settings.ts';

const SIGKILL = 9;

export async function stop(context: Context, ref: string, request: StopRequest): Promise<void> {
  await stopRun(context, context.containers.find(ref), request, 'stop');
}

/**
 * The container's turn is free while the end is waited for, so that a kill can overtake.
 *
 * @param purpose - to stay so, or to be started anew; either way what waits for its next start waits no more
 */
export async function stopRun(
  context: Context,
  container: Container,
  request: StopRequest,
  purpose: 'stop' | 'restart',
): Promise<void> {
  const { stopSignal, stopTimeout } = container.row;
  const signal = signalOf(request.signal ?? stopSignal);
  const run = await container.turn.run(() => {
    if (purpose === 'stop') endedByUser(context, container, 'stop');
    else context.restarts.callOff(container);
    return signalRun(context, container, signal);
  });
  if (run === undefined) return;
  if (await endsWithin(run, (request.timeout ?? stopTimeout) * 1000)) return;
  await container.turn.run(() => signalRun(context, container, SIGKILL, run));
  await endOfKilled(run, container.name);
}

/** Signals the present run, or `only` if it is still the present one. Undefined where none runs. */
async function signalRun(context: Context, container: Container, signal: number, only?: Run): Promise<Run | undefined> {
  advance(container.row.status, 'stop', container.name);
  const { run } = container;
  if (run === undefined || (only !== undefined && run !== only)) return undefined;
  // its end is on the way already
  if (run.ending || container.row.status === 'removing') return run;
  run.stopAsked = true;
  try {
    await sendAndTell(context, container, run, signal);
    // a frozen process takes no signal
    if (container.row.status === 'paused') await thaw(context, container);
  } catch (error) {
    // it ended meanwhile: its exit is on the way
    if (!(error instanceof EngineError && error.code === 'container_not_running')) throw error;
  }
  return run;
}

/** Whether the exit was committed in time. */
async function endsWithin(run: Run, milliseconds: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, milliseconds, false);
  try {
    return await Promise.race([run.ended.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the end of what got SIGKILL. Throws `kernel_refused` where a process does not die of it. */
export async function endOfKilled(run: Run, name: string): Promise<void> {
  if (await endsWithin(run, KILL_DEADLINE_MS)) return;
  throw new EngineError(
    'kernel_refused',
    `container ${name} did not end within ${String(KILL_DEADLINE_MS / 1000)} s of SIGKILL`,
    { hint: 'a process of it may hang in the kernel (state D in ps)' },
  );
}
