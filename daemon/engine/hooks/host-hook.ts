/**
 * Hooks that are processes of the host. Who runs one is written down, so that a daemon that is killed leaves none behind
 * that the next one does not know of (left-hook.ts).
 */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { type HookEnd, type HookKind, timeoutOf } from '../../runtime/hooks/hooks.ts';
import { runHostHook } from '../../runtime/hooks/run-host-hook.ts';
import { type HookState, stateText } from '../../runtime/hooks/state.ts';
import type { Hook } from '../../runtime/spec/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { type HookRecord, startTimeOf } from './hook-record.ts';

/** Runs one to its end; it is cut short when the container is removed by force, or the daemon ends. */
export async function hostHook(
  context: Context,
  container: Container,
  hook: Hook,
  about: { readonly kind: HookKind; readonly state: HookState },
): Promise<HookEnd> {
  const { state, kind } = about;
  const abort = openAbort(context, container);
  const name = `tare-hook-${randomBytes(8).toString('hex')}`;
  const timeout = timeoutOf(hook);
  const { bootId } = context;
  const begun = { kind, path: hook.path, name, bootId, ...(timeout === undefined ? {} : { timeout }) };
  // before there is a process, and again when it has a number
  writeRecord(context, container, begun);
  const spawned = (pid: number): void => {
    writeRecord(context, container, { ...begun, process: { pid, startTime: startTimeOf(pid) ?? '' } });
  };
  try {
    const options = { state: stateText(state), bundle: state.bundle, name, signal: abort.signal, spawned };
    return await runHostHook(hook, options);
  } finally {
    abort.close();
    rmSync(context.places.hook(container.id), { force: true });
  }
}

function writeRecord(context: Context, { id }: Container, record: HookRecord): void {
  try {
    writeFileSync(context.places.hook(id), JSON.stringify(record), { mode: 0o600 });
  } catch (error) {
    context.log.warn(
      { err: error, container: id },
      'ignoring that a hook could not be written down: it counts only where the daemon is killed meanwhile',
    );
  }
}

/** What ends a hook before its time. Throws `shutting_down` where none is to be begun any more. */
export function openAbort(context: Context, container: Container): { readonly signal: AbortSignal; close(): void } {
  if (context.closing.signal.aborted) {
    throw new EngineError('shutting_down', 'the daemon is shutting down: no hook is begun');
  }
  const own = new AbortController();
  container.hook = own;
  return {
    signal: AbortSignal.any([own.signal, context.closing.signal]),
    close: () => {
      if (container.hook === own) container.hook = undefined;
    },
  };
}
