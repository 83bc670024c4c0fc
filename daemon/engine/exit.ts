/** What happens when a container's init has ended: outcome, events, waiters, removal, and the shim let go of. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Exit } from '../../shared/api/container.ts';
import { nowTimestamp } from '../../shared/time.ts';
import { exitOf } from '../shim/exit.ts';
import type { ProcessExit } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { execExited, execsLost } from './exec/exit.ts';
import { endNetwork, recordNetworkEnd } from './endpoints/run.ts';
import { isPlaced } from './cgroup-parent.ts';
import { removeGroups } from './freezer.ts';
import { settlePoststop } from './hooks/poststop.ts';
import { advanceTo } from './lifecycle.ts';
import type { Happening } from './journal.ts';
import { removeEnded } from './remove.ts';
import { forgetProbe } from './health/forget.ts';
import { healthAtEnd } from './health/state.ts';
import { HOLDER_PREFIX, HOOK_PROCESS, PROBE_PREFIX } from './process-names.ts';

/** How long the end of a container waits for the answers to what its shim was asked before. */
const TOLD_DEADLINE_MS = 2000;
/** How long the end of a container waits for the ends of its execs, which the kernel kills with it. */
const EXECS_DEADLINE_MS = 2000;

/** Nobody saw how it ended. */
export function unknownExit(): Exit {
  return { unknown: true, oomKilled: false, at: nowTimestamp() };
}

/** The shim tells of the end of a process of this run. */
export function processExited(context: Context, container: Container, run: Run, exit: ProcessExit): void {
  const isHeard = run.heard(exit);
  // those who began them wait for them themselves
  if (exit.process === HOOK_PROCESS || exit.process.startsWith(HOLDER_PREFIX)) return;
  if (exit.process.startsWith(PROBE_PREFIX)) {
    // of a probe that nobody waits for any more, or of a former daemon
    if (!isHeard) forgetProbe(context, container, run, exit.process);
    return;
  }
  if (run.held !== undefined) {
    run.held.push(exit);
    return;
  }
  if (exit.process !== '') {
    execExited(context, container, run, exit.process, exitOf(exit));
    return;
  }
  runEnded(context, container, run, exitOf(exit)).catch(faultOf(context, container));
}

/** For what nobody waits for: a fault of ours, told to the log. */
export function faultOf(context: Context, container: Container): (error: unknown) => void {
  return (error) => {
    context.log.error({ err: error, container: container.id }, 'the end of a container could not be dealt with');
  };
}

/** The start is committed: what ended before it is dealt with now. */
export function releaseHeld(context: Context, container: Container, run: Run): void {
  const held = run.held ?? [];
  run.held = undefined;
  for (const exit of held) processExited(context, container, run, exit);
}

/** Commits the exit, after those of the execs, and lets go of the shim. */
export async function runEnded(context: Context, container: Container, run: Run, exit: Exit): Promise<void> {
  if (run.ending) return;
  run.ending = true;
  run.health?.stop();
  const told = run.told();
  if (told !== undefined) await Promise.race([told, delay(TOLD_DEADLINE_MS, undefined, { ref: false })]);
  if (run.execs.size > 0) await execsEnded(run);
  execsLost(context, container, run);
  commitExit(context, container, exit);
  container.gone = letGo(context, container.id, run);
  run.end();
  void settleAfter(run.poststart, context, container);
  if (container.row.status === 'removing') void removeEnded(context, container);
}

/** poststop hooks come after those of the start. */
async function settleAfter(poststart: Promise<unknown> | undefined, context: Context, container: Container) {
  await poststart;
  await settlePoststop(context, container);
}

/** Once no exec runs any more, or the deadline is over. */
function execsEnded(run: Run): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      run.execEnded = undefined;
      resolve();
    };
    const timer = setTimeout(over, EXECS_DEADLINE_MS);
    run.execEnded = () => {
      if (run.execs.size === 0) over();
    };
  });
}

/** Records the end and tells everybody. What is to be removed at its end then is *removing*: its caller sees to that. */
export function commitExit(context: Context, container: Container, exit: Exit): void {
  const { row, run } = container;
  const stoppedByUser = row.stoppedByUser || run?.endedByUser === true;
  const health = row.health === null ? null : healthAtEnd(row.health);
  const removes = row.autoRemove && !container.restarting;
  const status = advanceTo(row.status, removes ? 'ended_remove' : 'ended', row.name);
  const happenings: Happening[] = exit.oomKilled ? [{ action: 'oom', container: row }] : [];
  happenings.push({ action: 'die', container: row, ...(exit.code === undefined ? {} : { exitCode: exit.code }) });
  if (run?.stopAsked === true) happenings.push({ action: 'stop', container: row });
  try {
    context.journal.commitEnd(
      (registry) => {
        registry.containers.exited(row.id, status, exit, stoppedByUser);
        if (health !== null) registry.containers.setHealth(row.id, health);
        recordNetworkEnd(registry, container);
      },
      ...happenings,
    );
  } catch (error) {
    // the exit record on disk tells the next daemon; this one goes on with what it knows
    context.log.error({ err: error, container: row.id }, 'the exit could not be committed');
  }
  endNetwork(context, container);
  if (run?.network !== undefined) {
    context.network.ended.hold(run.network);
    run.network = undefined;
  }
  const ended = { status, intent: null, pid: null, processStarted: null, bootId: null, exit, stoppedByUser, health };
  container.change(ended);
  container.run = undefined;
  const isFollowed = row.restart.name !== 'no' && status === 'stopped' && !container.restarting;
  if (isFollowed) context.restarts.ended(container, exit);
  container.tell({ is: 'exited', exit });
}

/** The shim may go: it removes the control groups and ends itself. */
async function letGo(context: Context, id: string, run: Run): Promise<void> {
  try {
    await run.shim.forget('');
    await context.shims.discard(id);
    // whoever has the parent may want it empty, or to be gone with it
    if (isPlaced(context, id)) await removeGroups(context, id);
  } catch (error) {
    context.log.warn(
      { err: error, container: id },
      'ignoring that the shim could not be told to go: its groups are swept',
    );
  }
}
