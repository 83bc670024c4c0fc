/** Sends a signal to a container's init. */
import { SIGNALS, parseSignal, signalName } from '../../shared/signals.ts';
import { ShimLost, ShimRefusal } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { isFrozen, thaw } from './freezer.ts';
import { advance } from './lifecycle.ts';
import { endedByUser } from './restart-policy/ended-by-user.ts';

const SIGKILL = 9;
/** HUP is not among them: many programs read their configuration anew. */
const ENDING_SIGNALS: readonly number[] = [SIGKILL, SIGNALS.SIGTERM, SIGNALS.SIGINT, SIGNALS.SIGQUIT];
const ESRCH = 3;

export async function kill(context: Context, ref: string, signal: string | undefined): Promise<void> {
  const number = signal === undefined ? SIGKILL : signalOf(signal);
  const container = context.containers.find(ref);
  await container.turn.run(async () => {
    if (isMeantToEnd(container, number) && endedByUser(context, container)) return;
    const run = runOf(container, 'kill');
    await sendAndTell(context, container, run, number);
  });
}

/** With its event. Throws as `send` does. */
export function sendAndTell(context: Context, container: Container, run: Run, signal: number): Promise<void> {
  return run.beforeEnd(async () => {
    await send(context, container, run, signal);
    // the signal is sent: a full disk cannot unsay it, and whoever kills may be making room
    context.journal.commitEnd(() => undefined, {
      action: 'kill',
      container: container.row,
      detail: signalName(signal),
    });
  });
}

/** A signal that is sent to end a program, and not to tell it something: restart policies do not undo it. */
function isMeantToEnd({ row }: Container, signal: number): boolean {
  return ENDING_SIGNALS.includes(signal) || signalName(signal) === row.stopSignal;
}

/** The number of a signal by name or number; throws `invalid_field`. */
export function signalOf(signal: string, field = 'signal'): number {
  const number = parseSignal(signal);
  if (number !== undefined) return number;
  throw new EngineError('invalid_field', `${field}: there is no signal "${signal}"`, { field });
}

/** The present run, where the table admits the event. */
export function runOf(container: Container, event: 'kill' | 'pause' | 'resume' | 'exec' | 'resize' | 'top'): Run {
  const { name, row, run } = container;
  if (run === undefined && container.nextStart !== undefined) {
    throw new EngineError('container_restarting', `container ${name} waits for its next start`);
  }
  advance(row.status, event, name);
  if (run === undefined) throw new EngineError('shim_unreachable', `the shim of container ${name} does not answer`);
  if (run.ending) throw new EngineError('container_not_running', `container ${name} has just ended`);
  return run;
}

/** A paused container is thawed after SIGKILL, so that it can die. Throws `container_not_running` where it has just ended. */
async function send(context: Context, container: Container, run: Run, signal: number): Promise<void> {
  try {
    await run.shim.signal('', signal);
  } catch (error) {
    throw signalError(error, container);
  }
  if (signal === SIGKILL && isFrozen(context, container)) await thaw(context, container);
}

/** SIGKILL, unless it has ended meanwhile: then its exit is on the way. */
export async function killRun(context: Context, container: Container, run: Run): Promise<void> {
  try {
    await sendAndTell(context, container, run, SIGKILL);
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'container_not_running')) throw error;
  }
}

function signalError(error: unknown, container: Container): unknown {
  if (error instanceof ShimRefusal && error.errno === ESRCH) {
    return new EngineError('container_not_running', `container ${container.name} has just ended`, { cause: error });
  }
  return shimError(error, container);
}

/** What a request to a shim threw, as the user is told. */
export function shimError(error: unknown, container: Container): unknown {
  if (error instanceof ShimRefusal) {
    return new EngineError('kernel_refused', `container ${container.name}: ${error.message}`, { cause: error });
  }
  if (error instanceof ShimLost) {
    const reason = error.timeout ? 'does not answer' : 'is lost';
    return new EngineError('shim_unreachable', `the shim of container ${container.name} ${reason}: ${error.message}`, {
      cause: error,
    });
  }
  return error;
}
