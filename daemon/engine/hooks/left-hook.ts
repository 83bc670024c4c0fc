/** Hooks of the host that a killed daemon left running. */
import { closeSync, rmSync } from 'node:fs';
import { whenEnded } from '../../../native-bindings/readable.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { type LeftHook, findHook, readRecord } from './hook-record.ts';
import { openAbort } from './host-hook.ts';

/** A hook of a start that a killed daemon left running, if any, is killed. A poststop hook is not. */
export async function endStartHook(context: Context, container: Container): Promise<void> {
  if (readRecord(context.places.hook(container.id))?.kind !== 'poststop') await endLeftHook(context, container);
}

/**
 * The hook that a killed daemon left running, if any: one of a start is killed, for nobody goes on with that start; a
 * poststop hook cleans up and is let come to its end, within its timeout.
 */
export async function endLeftHook(context: Context, container: Container): Promise<void> {
  const record = readRecord(context.places.hook(container.id));
  const left = record === undefined ? undefined : findHook(record, context.bootId);
  if (record !== undefined && left !== undefined) {
    const { kind, path, timeout } = record;
    const { pid, pidfd } = left;
    const about = { container: container.id, kind, path, pid };
    const abort = openAbort(context, container);
    try {
      if (kind !== 'poststop') {
        context.log.warn(about, 'a hook of the former daemon is killed');
        killGroup(pid);
      } else {
        context.log.info(about, 'a poststop hook of the former daemon is waited for');
      }
      await ended(left, timeout, abort.signal);
    } finally {
      abort.close();
      closeSync(pidfd);
    }
  }
  rmSync(context.places.hook(container.id), { force: true });
}

/** Waits for its end; after its timeout, or where nobody waits for it any more, it is killed. */
async function ended({ pid, pidfd }: LeftHook, timeout: number | undefined, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const kill = (): void => {
    killGroup(pid);
  };
  const watch = whenEnded(pidfd, () => {
    resolve(undefined);
  });
  const timer = timeout === undefined ? undefined : setTimeout(kill, timeout);
  signal.addEventListener('abort', kill);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
    watch.close();
  }
}

/** It leads its session and so a group of its number, which is taken for as long as it is there. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
