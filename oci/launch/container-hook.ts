/** One hook as a process in the container: createContainer, startContainer. */
import { closeSync } from 'node:fs';
import { errnoName } from '../../native-bindings/errno.ts';
import { sealedFile } from '../../native-bindings/memfd.ts';
import { pipe } from '../../native-bindings/pipe.ts';
import { reasonOf, timeoutOf, type HookEnd } from '../../daemon/runtime/hooks/hooks.ts';
import { OutputTail } from '../../daemon/runtime/hooks/output-tail.ts';
import { describeFailure } from '../../daemon/runtime/launch-failure.ts';
import { encodePlan } from '../../daemon/runtime/plan/encode.ts';
import type { Plan } from '../../daemon/runtime/plan/operations.ts';
import type { Hook } from '../../daemon/runtime/spec/types.ts';
import { openAttendedShim, type AttendedShim } from '../../daemon/shim/attended.ts';
import type { ProcessExit, LaunchFailure } from '../../daemon/shim/types.ts';
import { SIGNALS, signalName } from '../../shared/signals.ts';
import type { Context } from '../command.ts';

export interface ContainerHookOptions {
  /** compileHook's. */
  readonly plan: Plan;
  /** stateText(): a file of its own on stdin. */
  readonly state: string;
  /** Kills the hook. */
  readonly abort: AbortSignal | undefined;
}

/** Resolves when the hook has ended. Throws ShimLost, SystemError. */
export async function runContainerHook(
  { runtime }: Context,
  hook: Hook,
  { plan, state, abort }: ContainerHookOptions,
): Promise<HookEnd> {
  const stdin = sealedFile(Buffer.from(state), 'state');
  const out = pipe();
  const error = pipe();
  const tails = { stdout: new OutputTail(out.read), stderr: new OutputTail(error.read) };
  let shim: AttendedShim | undefined;
  let ended: Ended | LaunchFailure;
  let said = '';
  try {
    shim = openAttendedShim({ ...runtime.shim, stdio: [stdin, out.write, error.write] });
    shim.subscribe();
    const outcome = shim.start({ process: '', stdio: 'inherit', stdinOpen: false, plan: encodePlan(plan) });
    ended = outcome.is === 'failed' ? outcome.failure : await endOf(shim, timeoutOf(hook), abort);
  } finally {
    shim?.close();
    for (const descriptor of [stdin, out.write, error.write]) closeSync(descriptor);
    const [output, complaint] = [tails.stdout.finish(), tails.stderr.finish()];
    said = complaint.trim() === '' ? output : complaint;
  }
  return describe(ended, plan, hook, said);
}

interface Ended {
  readonly exit: ProcessExit;
  /** Why we killed it, if we did. */
  readonly cut: 'timeout' | 'aborted' | undefined;
}

function describe(ended: Ended | LaunchFailure, plan: Plan, { timeout }: Hook, output: string): HookEnd {
  if (!('exit' in ended)) return { is: 'unstartable', reason: reasonFor(ended, plan) };
  const { exit, cut } = ended;
  if (Number(exit.signal) === 0) return { is: 'exited', code: Number(exit.code), output };
  if (cut === 'timeout') return { is: 'timeout', seconds: Number(timeout), output };
  if (cut === 'aborted') return { is: 'aborted', output };
  return { is: 'killed', signal: signalName(Number(exit.signal)), output };
}

async function endOf(shim: AttendedShim, timeout: number | undefined, abort: AbortSignal | undefined): Promise<Ended> {
  let cut: Ended['cut'];
  const kill = (why: 'timeout' | 'aborted'): void => {
    cut ??= why;
    shim.signal('', SIGNALS.SIGKILL);
  };
  const onAbort = (): void => {
    kill('aborted');
  };
  const timer = timeout === undefined ? undefined : setTimeout(kill, timeout, 'timeout');
  abort?.addEventListener('abort', onAbort);
  try {
    if (abort?.aborted === true) onAbort();
    const exit = await shim.exitOf('');
    return { exit, cut };
  } finally {
    clearTimeout(timer);
    abort?.removeEventListener('abort', onAbort);
  }
}

function reasonFor(failure: LaunchFailure, plan: Plan): string {
  if (plan[Number(failure.operation)]?.op === 'exec') return reasonOf(errnoName(Number(failure.errno)));
  return describeFailure(failure, plan).message;
}
