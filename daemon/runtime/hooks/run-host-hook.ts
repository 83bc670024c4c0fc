/** One hook as a process of the host: prestart, createRuntime, poststart, poststop. */
import { closeSync, statSync } from 'node:fs';
import { SystemError } from '../../../native-bindings/libc.ts';
import { sealedFile } from '../../../native-bindings/memfd.ts';
import { pidfdOpen } from '../../../native-bindings/pidfd.ts';
import { pipe } from '../../../native-bindings/pipe.ts';
import { whenEnded } from '../../../native-bindings/readable.ts';
import { spawn } from '../../../native-bindings/spawn.ts';
import { reap } from '../../../native-bindings/wait.ts';
import { signalName } from '../../../shared/signals.ts';
import type { Hook } from '../spec/types.ts';
import { argvOf, reasonOf, timeoutOf, type HookEnd } from './hooks.ts';
import { OutputTail } from './output-tail.ts';

export interface HostHookOptions {
  /** stateText(): a file of its own on stdin, which need not be read. */
  readonly state: string;
  /** The hook's working directory: the bundle. Where that is gone (poststop), "/". */
  readonly bundle: string;
  /** Of the file on stdin, which is in memory: /proc/PID/fd/0 of the hook links to it, so it names the process. */
  readonly name?: string;
  /** Kills the hook. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the process, which leads a session of its own, before it can have been waited for. */
  readonly spawned?: (pid: number) => void;
}

/** Runs it to its end; never blocks the event loop. Throws only what is a fault of ours. */
export async function runHostHook(hook: Hook, options: HostHookOptions): Promise<HookEnd> {
  const stdin = sealedFile(Buffer.from(options.state), options.name ?? 'state');
  const ends = [pipe(), pipe()] as const;
  const [stdout, stderr] = ends.map(({ read }) => new OutputTail(read)) as [OutputTail, OutputTail];
  const output = (): string => {
    const [out, error] = [stdout.finish(), stderr.finish()];
    return error.trim() === '' ? out : error;
  };
  let pid: number;
  try {
    pid = await spawn({
      file: hook.path,
      arguments: argvOf(hook),
      environment: hook.env ?? [],
      descriptors: [stdin, ends[0].write, ends[1].write],
      directory: isDirectory(options.bundle) ? options.bundle : '/',
    });
  } catch (error) {
    output();
    if (!(error instanceof SystemError)) throw error;
    return { is: 'unstartable', reason: reasonOf(error.code) };
  } finally {
    closeSync(stdin);
    for (const { write } of ends) closeSync(write);
  }
  options.spawned?.(pid);
  const cut = await ended(pid, timeoutOf(hook), options.signal);
  const result = reap(pid);
  return endOf(result === 'running' || result === 'gone' ? undefined : result, cut, Number(hook.timeout), output());
}

/** Waits for the end of the child, which is left to be reaped; says why it was killed, if it was. */
async function ended(
  pid: number,
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<'timeout' | 'aborted' | undefined> {
  const pidfd = pidfdOpen(pid);
  if (pidfd === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let cut: 'timeout' | 'aborted' | undefined;
  const kill = (why: 'timeout' | 'aborted'): void => {
    cut ??= why;
    // not reaped yet, so the number of the group is its own
    process.kill(-pid, 'SIGKILL');
  };
  const abort = (): void => {
    kill('aborted');
  };
  const watch = whenEnded(pidfd, () => {
    resolve(undefined);
  });
  const timer = timeout === undefined ? undefined : setTimeout(kill, timeout, 'timeout');
  signal?.addEventListener('abort', abort);
  try {
    if (signal?.aborted === true) abort();
    await promise;
    return cut;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    watch.close();
    closeSync(pidfd);
  }
}

function endOf(
  result: { readonly code: number; readonly signal: number } | undefined,
  cut: 'timeout' | 'aborted' | undefined,
  seconds: number,
  output: string,
): HookEnd {
  // it may have ended by itself at the last moment: then that counts
  if (result?.signal === 0) return { is: 'exited', code: result.code, output };
  if (cut === 'timeout') return { is: 'timeout', seconds, output };
  if (cut === 'aborted') return { is: 'aborted', output };
  return { is: 'killed', signal: result === undefined ? 'an unknown signal' : signalName(result.signal), output };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
