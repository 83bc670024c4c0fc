/** A further process in a container that is there. */
import { resolve } from 'node:path';
import { compileExec } from '../../daemon/runtime/plan/compile-exec.ts';
import { encodePlan } from '../../daemon/runtime/plan/encode.ts';
import type { Plan } from '../../daemon/runtime/plan/operations.ts';
import type { Process, Spec } from '../../daemon/runtime/spec/types.ts';
import { openAttendedShim } from '../../daemon/shim/attended.ts';
import { SIGNALS } from '../../shared/signals.ts';
import type { Context } from '../command.ts';
import { readRecord, specOf, type ContainerRecord } from '../container/state.ts';
import { statusOf } from '../container/status.ts';
import { OciError } from '../errors.ts';
import { preservedDescriptors, type Preserved } from './descriptors.ts';
import { withEnvironment } from './environment.ts';
import { execTarget } from './exec-target.ts';
import { launchError } from './failure.ts';
import { SignalForwarder, exitCodeOf } from './foreground.ts';
import { writePidFile } from './pid-file.ts';

export interface ExecRequest {
  readonly id: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly detach: boolean;
  /** Also where the container is paused: the process stands still then, too. */
  readonly ignorePaused: boolean;
  readonly preserveDescriptors: number;
  /** The process, validated, from the container's spec. */
  readonly processOf: (spec: Spec) => Process;
}

/** Resolves to the exit code; 0 for a detached process that has begun. Throws OciError, SpecError, SystemError, ShimLost. */
export async function execInContainer(context: Context, request: ExecRequest): Promise<number> {
  const { root, runtime, environment } = context;
  const record = readRecord(root, request.id);
  requireJoinable(context, record, request);
  const spec = specOf(root, record);
  const preserved = preservedDescriptors(request.preserveDescriptors, environment);
  const wanted = request.processOf(spec);
  checkTerminal(wanted, request);
  const signals = request.detach ? undefined : new SignalForwarder();
  const relay = wanted.terminal === true && request.consoleSocket === undefined;
  const terminal = relay ? (await import('./terminal.ts')).openTerminal(root) : undefined;
  const consoleSocket = terminal?.address ?? (request.consoleSocket && resolve(request.consoleSocket));
  const shim = openAttendedShim({ ...runtime.shim, preserveDescriptors: preserved.count });
  try {
    const plan = planOf(context, record, spec, { wanted, request, preserved, consoleSocket });
    if (!request.detach) shim.subscribe();
    const stdio = wanted.terminal === true ? 'null' : 'inherit';
    const outcome = shim.start({ process: '', stdio, stdinOpen: false, plan: encodePlan(plan) });
    if (outcome.is === 'failed') throw launchError(outcome.failure, plan, `exec in container ${record.id}`);
    if (request.pidFile !== undefined) writePidFile(request.pidFile, outcome.pid);
    if (request.detach) return 0;
    signals?.forwardTo(shim);
    terminal?.connect();
    const code = await exitCodeOf(shim);
    await terminal?.drained();
    return code;
  } catch (error) {
    // Also one that was to outlive us.
    shim.signal('', SIGNALS.SIGKILL);
    throw error;
  } finally {
    terminal?.close();
    shim.close();
    signals?.close();
  }
}

function requireJoinable({ root, runtime }: Context, record: ContainerRecord, { ignorePaused }: ExecRequest): void {
  const status = statusOf(root, record, runtime.cgroups);
  if (status === 'running' || status === 'created' || (status === 'paused' && ignorePaused)) return;
  const hint = status === 'paused' ? 'resume it, or use --ignore-paused' : undefined;
  const problem = `cannot exec in container ${record.id}: it is ${status}`;
  throw new OciError(problem, hint === undefined ? {} : { hint });
}

function checkTerminal({ terminal }: Process, { detach, consoleSocket }: ExecRequest): void {
  if (terminal === true && detach && consoleSocket === undefined) {
    throw new OciError('nobody is there to hold the terminal: name a --console-socket that takes it');
  }
  if (terminal !== true && consoleSocket !== undefined) {
    throw new OciError('--console-socket: the process has no terminal');
  }
}

interface ExecParts {
  readonly wanted: Process;
  readonly request: ExecRequest;
  readonly preserved: Preserved;
  readonly consoleSocket: string | undefined;
}

function planOf(context: Context, record: ContainerRecord, spec: Spec, parts: ExecParts): Plan {
  const { wanted, request, preserved, consoleSocket } = parts;
  const complete = withEnvironment(wanted, `/proc/${String(record.pid)}/root`, preserved.environment);
  const plan = compileExec(spec, complete, {
    ...execTarget(context, record, spec),
    outliveShim: request.detach,
    preserveDescriptors: preserved.count,
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
  });
  return context.runtime.transformPlan(plan, 'exec');
}
