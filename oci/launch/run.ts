/** create and start in one, and what comes after: staying with the container until it ends, and its removal. */
import type { Context } from '../command.ts';
import { destroyContainer, endContainer } from '../container/destroy.ts';
import { createContainer, type CreateRequest, type Created } from './create.ts';
import { launchError } from './failure.ts';
import { SignalForwarder, exitCodeOf } from './foreground.ts';
import { runPoststart, runStartContainerHooks } from './hooks.ts';
import { startContainer } from './start.ts';
import type { Terminal } from './terminal.ts';

export interface RunOptions {
  readonly detach: boolean;
  readonly keep: boolean;
}

/** Resolves to the exit code of the program; 0 for a detached one that has begun. Throws as create and start do. */
export async function runContainer(context: Context, request: CreateRequest, options: RunOptions): Promise<number> {
  if (!options.detach) return runInForeground(context, request, options);
  const { record } = await createContainer(context, request);
  try {
    await startContainer(context, record.id);
    return 0;
  } catch (error) {
    if (!options.keep) await destroyContainer(context, record, { poststop: true });
    throw error;
  }
}

async function runInForeground(context: Context, asked: CreateRequest, { keep }: RunOptions): Promise<number> {
  const signals = new SignalForwarder();
  let terminal: Terminal | undefined;
  try {
    const created = await createContainer(context, {
      ...asked,
      foreground: true,
      abort: signals.abort,
      // Made only where the container turns out to want a terminal that nobody else takes.
      ownConsole: async () => {
        const { openTerminal } = await import('./terminal.ts');
        terminal = openTerminal(context.root);
        return terminal.address;
      },
    });
    try {
      return await stay(context, created, signals, terminal);
    } finally {
      created.shim?.close();
      if (keep) await endContainer(context, created.record);
      else await destroyContainer(context, created.record, { poststop: true });
    }
  } finally {
    terminal?.close();
    signals.close();
  }
}

async function stay(
  context: Context,
  { record, spec, plan, shim }: Created,
  signals: SignalForwarder,
  terminal: Terminal | undefined,
): Promise<number> {
  if (shim === undefined) throw new Error('a container in the foreground has a shim');
  await runStartContainerHooks(context, { record, spec, abort: signals.abort });
  const outcome = shim.go('');
  if (outcome.is === 'failed') throw launchError(outcome.failure, plan, `container ${record.id}`);
  terminal?.connect();
  signals.forwardTo(shim);
  await runPoststart(context, { record, spec });
  const code = await exitCodeOf(shim);
  await terminal?.drained();
  return code;
}
