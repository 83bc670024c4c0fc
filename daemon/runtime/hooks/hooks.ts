/**
 * Hooks, config.md "POSIX-platform Hooks" of runtime-spec 1.3.0: their kinds, their order and what a failing one means.
 * How one is run is its caller's: a process of the host (run-host-hook.ts) or one in the container (compile-hook.ts).
 */
import type { Hook, HookKind, Hooks } from '../spec/types.ts';

export { HOOK_KINDS, type HookKind } from '../spec/types.ts';

/** Those that are run in the container's namespaces; the others are processes of the host. */
export type ContainerHookKind = 'createContainer' | 'startContainer';

/** How one hook ended. `output`: the last of what it wrote to stderr, or to stdout where that is nothing. */
export type HookEnd =
  | { readonly is: 'exited'; readonly code: number; readonly output: string }
  | { readonly is: 'killed'; readonly signal: string; readonly output: string }
  /** It was killed after `seconds`, its `timeout`. */
  | { readonly is: 'timeout'; readonly seconds: number; readonly output: string }
  /** It was killed by its caller, for nobody waits for it any more. */
  | { readonly is: 'aborted'; readonly output: string }
  /** It never ran. */
  | { readonly is: 'unstartable'; readonly reason: string };

/** Longest part of a hook's own words in an error. */
const WORDS_MAX = 500;

/** A hook that failed, in one line: `createRuntime hook 0 (/usr/bin/x): exit code 3: cannot frob`. */
export class HookError extends Error {
  override name = 'HookError';
  readonly kind: HookKind;
  /** Among the hooks of its kind. */
  readonly index: number;
  readonly path: string;
  readonly end: HookEnd;

  constructor(kind: HookKind, index: number, path: string, end: HookEnd) {
    super(`${kind} hook ${String(index)} (${path}): ${wordsFor(end)}`);
    this.kind = kind;
    this.index = index;
    this.path = path;
    this.end = end;
  }
}

function wordsFor(end: HookEnd): string {
  if (end.is === 'unstartable') return `cannot be executed: ${end.reason}`;
  const said = lastLine(end.output);
  return said === '' ? howItEnded(end) : `${howItEnded(end)}: ${said}`;
}

function howItEnded(end: Exclude<HookEnd, { is: 'unstartable' }>): string {
  switch (end.is) {
    case 'exited':
      return `exit code ${String(end.code)}`;
    case 'killed':
      return `killed by ${end.signal}`;
    case 'timeout':
      return `killed after its timeout of ${String(end.seconds)} s`;
    case 'aborted':
      return 'killed, for nobody waits for it any more';
  }
}

/** The last line that says something, fit for a message and a log. */
function lastLine(output: string): string {
  const line = output
    .split(/[\r\n]+/)
    .map((text) => text.replace(/\p{Cc}+/gu, ' ').trim())
    .findLast((text) => text !== '');
  return (line ?? '').slice(0, WORDS_MAX);
}

/**
 * Whether the container is not to be when a hook of this kind fails; otherwise the failure is a warning, and the rest
 * goes on. That of a poststart hook is a warning up to version 1.2 of the specification and fatal from 1.3.0 on
 * (runtime.md, "Lifecycle", step 9): a bundle gets what the version says that it was written for.
 */
export function isFatal(kind: HookKind, ociVersion: string): boolean {
  if (kind === 'poststop') return false;
  if (kind !== 'poststart') return true;
  const [major = 0, minor = 0] = ociVersion.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 3);
}

export function hooksOf(hooks: Hooks | undefined, kind: HookKind): readonly Hook[] {
  return hooks?.[kind] ?? [];
}

export interface HookRun {
  /** From the spec; it decides what a failure means. */
  readonly ociVersion: string;
  readonly hooks: Hooks | undefined;
  /** Runs one hook to its end. What it throws ends all. */
  readonly run: (hook: Hook, index: number) => Promise<HookEnd>;
  /** Told of a failure that is none of the container's. */
  readonly warn: (error: HookError) => void;
}

/** Runs the hooks of a kind one after the other, from that of index `first` on. Throws HookError where one fails fatally. */
export async function runHooks(kind: HookKind, from: HookRun, first = 0): Promise<void> {
  for (const [index, hook] of hooksOf(from.hooks, kind).entries()) {
    if (index < first) continue;
    const end = await from.run(hook, index);
    if (end.is === 'exited' && end.code === 0) continue;
    const error = new HookError(kind, index, hook.path, end);
    if (isFatal(kind, from.ociVersion)) throw error;
    from.warn(error);
  }
}

/** argv: `args` with a name that may differ from the file's, or the path alone. */
export function argvOf({ path, args = [] }: Hook): readonly string[] {
  return args.length === 0 ? [path] : args;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory, or its interpreter is missing',
  EACCES: 'permission denied',
  ENOEXEC: 'neither a program for this machine nor a script that starts with #!',
  E2BIG: 'arguments and environment together are too long',
};

/** What execve's error means, for HookEnd.reason. */
export function reasonOf(code: string): string {
  const words = REASONS[code];
  return words === undefined ? code : `${code}: ${words}`;
}

/** Milliseconds until the hook is killed, as setTimeout takes them; undefined: it may take for ever. */
export function timeoutOf({ timeout }: Hook): number | undefined {
  return timeout === undefined ? undefined : Math.min(Number(timeout) * 1000, 0x7fff_ffff);
}
