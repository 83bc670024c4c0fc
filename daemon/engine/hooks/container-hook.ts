/** Hooks that run in the container: processes of its shim, as execs are, which the API does not know. */
import { errnoName } from '../../../native-bindings/errno.ts';
import { SIGNALS, signalName } from '../../../shared/signals.ts';
import { type HookEnd, reasonOf, timeoutOf } from '../../runtime/hooks/hooks.ts';
import { describeFailure } from '../../runtime/launch-failure.ts';
import { encodePlan } from '../../runtime/plan/encode.ts';
import type { Plan } from '../../runtime/plan/operations.ts';
import type { Hook } from '../../runtime/spec/types.ts';
import { ShimLost, type AttachSink, type LaunchFailure, type ProcessExit, type Shim } from '../../shim/types.ts';
import { HOOK_PROCESS } from '../process-names.ts';

/** What is kept of its output. */
const TAIL_BYTES = 4096;

const STREAMS = { stdin: true, stdout: true, stderr: true, closeStdin: true, cutWhenSlow: false };

/** Keeps the ends of both streams, and hears of the end. */
class Outcome implements AttachSink {
  readonly exit: Promise<ProcessExit>;
  private readonly settle: { resolve: (exit: ProcessExit) => void; reject: (error: Error) => void };
  private readonly tails = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<ProcessExit>();
    this.exit = promise;
    this.settle = { resolve, reject };
    // where the launch fails nobody waits for it
    promise.catch(() => undefined);
  }

  /** The last words: of stderr, or of stdout where that is nothing. */
  get words(): string {
    const stderr = this.tails.stderr.toString();
    return stderr.trim() === '' ? this.tails.stdout.toString() : stderr;
  }

  output(stream: 'stdout' | 'stderr', bytes: Buffer): boolean {
    this.tails[stream] = Buffer.concat([this.tails[stream], bytes]).subarray(-TAIL_BYTES);
    return true;
  }

  end(end: { readonly reason: string; readonly exit?: ProcessExit }): void {
    if (end.exit === undefined) this.settle.reject(new ShimLost('the shim was lost while a hook ran', false));
    else this.settle.resolve(end.exit);
  }
}

/**
 * Runs it to its end: `state` on stdin. After its timeout, or on `signal`, it is killed; what it has begun in the
 * container goes with the container, whose start has failed. Throws ShimLost, ShimRefusal.
 */
export async function containerHook(
  shim: Shim,
  hook: Hook,
  run: { readonly plan: Plan; readonly state: string; readonly signal: AbortSignal },
): Promise<HookEnd> {
  const outcome = new Outcome();
  const streams = await shim.attach(HOOK_PROCESS, STREAMS);
  streams.begin(outcome);
  try {
    const plan = encodePlan(run.plan);
    const launched = await shim.start({ process: HOOK_PROCESS, stdio: 'pipes', stdinOpen: true, plan });
    if (launched.is === 'failed') return { is: 'unstartable', reason: reasonFor(launched.failure, run.plan) };
    streams.write(Buffer.from(run.state));
    streams.endStdin();
    const { exit, cut } = await ended(shim, hook, outcome.exit, run.signal);
    await shim.forget(HOOK_PROCESS);
    return endOf(exit, cut, hook, outcome.words);
  } finally {
    streams.close();
  }
}

type Cut = 'timeout' | 'aborted' | undefined;

async function ended(
  shim: Shim,
  hook: Hook,
  exit: Promise<ProcessExit>,
  signal: AbortSignal,
): Promise<{ readonly exit: ProcessExit; readonly cut: Cut }> {
  let cut: Cut;
  const kill = (why: 'timeout' | 'aborted'): void => {
    cut ??= why;
    shim.signal(HOOK_PROCESS, SIGNALS.SIGKILL).catch(() => {
      // ignoring: it has just ended, or the shim is lost, and both are told with its exit
    });
  };
  const abort = (): void => {
    kill('aborted');
  };
  const timeout = timeoutOf(hook);
  const timer = timeout === undefined ? undefined : setTimeout(kill, timeout, 'timeout');
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) abort();
    return { exit: await exit, cut };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function endOf(exit: ProcessExit, cut: Cut, hook: Hook, output: string): HookEnd {
  // it may have ended by itself at the last moment: then that counts
  if (Number(exit.signal) === 0) return { is: 'exited', code: Number(exit.code), output };
  if (cut === 'timeout') return { is: 'timeout', seconds: Number(hook.timeout), output };
  if (cut === 'aborted') return { is: 'aborted', output };
  return { is: 'killed', signal: signalName(Number(exit.signal)), output };
}

/** The file that cannot be executed, or the step on the way to it that cannot be done. */
function reasonFor(failure: LaunchFailure, plan: Plan): string {
  const isExec = plan[Number(failure.operation)]?.op === 'exec';
  return isExec ? reasonOf(errnoName(Number(failure.errno))) : describeFailure(failure, plan).message;
}
