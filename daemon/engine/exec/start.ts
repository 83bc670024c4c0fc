/** Starts an exec, with or without somebody attached from its first byte. */
import type { Attachment, ExecStart } from '../../api/engine.ts';
import type { ExecRow } from '../../registry/execs.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import type { StartOutcome } from '../../shim/types.ts';
import type { ExecRequest } from '../../../shared/api/exec.ts';
import { EndedAttachment } from '../attach/recorded-end.ts';
import { attachRunning } from '../attach/running.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { runOf, shimError } from '../kill.ts';
import { launchError } from '../launch-error.ts';
import { commitExecExit, notStarted } from './exit.ts';
import { findExec } from './find.ts';
import { execPlan, execProcess } from './process.ts';

export async function startExec(context: Context, id: string): Promise<void> {
  const { container } = findExec(context, id);
  await container.turn.run(async () => {
    const { exec, run } = startable(context, id);
    await launchExec(context, container, run, exec, exec.request);
  });
}

/** Attached before the start, so that no output is lost. */
export async function startExecAttached(context: Context, id: string, start: ExecStart): Promise<Attachment> {
  const { container } = findExec(context, id);
  return container.turn.run(async () => {
    const { exec, run } = startable(context, id);
    const request = start.tty === undefined ? exec.request : { ...exec.request, ...start.tty };
    const attachment = await attach(container, run, exec);
    try {
      await launchExec(context, container, run, exec, request);
    } catch (error) {
      attachment.close();
      throw error;
    }
    return attachment;
  });
}

export async function attachExec(context: Context, id: string): Promise<Attachment> {
  const { exec, container } = findExec(context, id);
  const { run } = container;
  if (exec.exit !== null) return new EndedAttachment(`exec ${id.slice(0, 12)}`, exec.exit, exec.request.tty === true);
  if (exec.status !== 'running' || !run?.execs.has(id)) {
    throw new EngineError('exec_not_running', `exec ${id.slice(0, 12)} is not running (it is ${exec.status})`);
  }
  return attach(container, run, exec);
}

/** Throws `exec_already_started`, `container_not_running`, `container_paused`. */
function startable(context: Context, id: string): { exec: ExecRow; run: Run } {
  const { exec, container } = findExec(context, id);
  const run = runOf(container, 'exec');
  if (exec.status !== 'created' || run.execsStarting.has(id)) {
    throw new EngineError('exec_already_started', `exec ${id.slice(0, 12)} was started already (it is ${exec.status})`);
  }
  return { exec, run };
}

async function launchExec(
  context: Context,
  container: Container,
  run: Run,
  exec: ExecRow,
  request: ExecRequest,
): Promise<void> {
  const prepared = context.prepared.take(exec.id);
  // one that is made otherwise than it was created is made anew
  const process =
    prepared !== undefined && request === exec.request ? prepared : execProcess(context, container, request);
  const plan = execPlan(context, container, process);
  run.execsStarting.set(exec.id, undefined);
  try {
    await run.beforeEnd(async () => {
      const outcome = await requestStart(container, run, exec, plan);
      if (outcome.is === 'failed') throw launchError(outcome.failure, plan, `exec ${exec.id.slice(0, 12)}`);
      context.journal.commit(
        (registry) => {
          registry.execs.started(exec.id, outcome.pid, nowTimestamp());
        },
        { action: 'exec_start', container: container.row, exec: exec.id, detail: request.command.join(' ') },
      );
      settle(context, container, run, exec.id);
    });
  } catch (error) {
    run.execsStarting.delete(exec.id);
    notStarted(context, container, exec.id, error);
    throw error;
  }
}

async function requestStart(container: Container, run: Run, exec: ExecRow, plan: Uint8Array): Promise<StartOutcome> {
  try {
    return await run.shim.start({
      process: exec.id,
      stdio: exec.request.tty === true ? 'terminal' : 'pipes',
      stdinOpen: exec.request.stdin === true,
      plan,
    });
  } catch (error) {
    throw shimError(error, container);
  }
}

/** From now on the exec runs, unless it has ended already. */
function settle(context: Context, container: Container, run: Run, id: string): void {
  const early = run.execsStarting.get(id);
  run.execsStarting.delete(id);
  if (early === undefined) {
    run.execs.add(id);
    return;
  }
  commitExecExit(context, container, id, early);
  forgetExec(context, container, run, id);
}

function forgetExec(context: Context, container: Container, run: Run, id: string): void {
  run.shim.forget(id).catch((error: unknown) => {
    context.log.warn(
      { err: error, container: container.id, exec: id },
      'ignoring that the shim could not drop an exec: it may be gone',
    );
  });
}

/** Of its streams those that it was created with. */
function attach(container: Container, run: Run, exec: ExecRow): Promise<Attachment> {
  return attachRunning({
    shim: run.shim,
    process: exec.id,
    container: container.id,
    stdin: exec.request.stdin === true,
    stdout: exec.request.stdout !== false,
    stderr: exec.request.stderr !== false,
    terminal: exec.request.tty === true,
  });
}
